//! The portal is embedded from `web/dist`, which is built by npm and not committed. The folder must exist for the
//! embedding to compile; when it is empty the server shows a plain page instead.

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    std::fs::create_dir_all(&folder)?;
    println!("cargo::rerun-if-changed={}", folder.display());
    Ok(())
}
