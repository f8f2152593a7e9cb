//! Backups: a copy of the data folder made while writes go on, with the SM3 of every file.
//!
//! ```text
//! <backup>/db/        checkpoint of the engine
//! <backup>/blobs/     segments
//! <backup>/MANIFEST   text, one line per file; its last line is the SM3 of the lines before
//! ```
//!
//! The key file is not in it: a backup without the key is noise, and a key beside the backup would be none.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read, Write as _},
    path::{Component, Path, PathBuf},
};

use sm3::{Digest, Sm3};

use crate::{
    engine::{Engine, EngineError},
    space::io_error,
    store::{BLOB_FOLDER, DATABASE_FOLDER, FORMAT, Store, StoreError},
};

const MANIFEST: &str = "MANIFEST";
const MANIFEST_FORMAT: u32 = 1;
/// A manifest has ~100 bytes per file; whatever is much longer is not one.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// Files are read in portions of this size.
const COPY_BYTES: usize = 1 << 20;

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Format of the data folder inside.
    pub store_format: u32,
    /// When it was made, milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// Every file, by path.
    pub files: Vec<ManifestFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// Relative to the backup, `/` between folders.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SM3 of the content, hexadecimal.
    pub sm3: String,
}

/// Why a backup cannot be made, believed or restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The store or the disk refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The target exists already; nothing is ever overwritten.
    #[error("the target folder exists already")]
    TargetExists,
    /// The manifest is missing, cut short or changed.
    #[error("the manifest is missing, cut short or changed: {0}")]
    Manifest(String),
    /// A file is not what the manifest says.
    #[error("file `{0}` was changed")]
    FileChanged(String),
    /// A file of the manifest is not there.
    #[error("file `{0}` is missing")]
    FileMissing(String),
    /// A file that the manifest does not know.
    #[error("file `{0}` does not belong to the backup")]
    FileUnknown(String),
    /// A newer program made it.
    #[error("the backup has format {found}; this program knows formats up to {known}")]
    NewerFormat {
        /// What the manifest says.
        found: u32,
        /// What this program writes.
        known: u32,
    },
}

impl From<std::io::Error> for BackupError {
    fn from(error: std::io::Error) -> Self {
        Self::Store(StoreError::Engine(io_error(&error)))
    }
}

/// Backs up a store into `target`, which must not exist; reads and writes go on meanwhile.
///
/// # Errors
/// [`BackupError::TargetExists`], or what the disk says.
pub fn backup(store: &Store, target: &Path) -> Result<Manifest, BackupError> {
    if target.exists() {
        return Err(BackupError::TargetExists);
    }
    store.checkpoint(target)?;
    let mut manifest = Manifest { store_format: FORMAT, created_ms: store.clock().now_ms(), files: Vec::new() };
    for path in files_below(target)? {
        let (bytes, sm3) = digest_file(&target.join(&path), None)?;
        manifest.files.push(ManifestFile { path, bytes, sm3 });
    }
    let mut file = File::create_new(target.join(MANIFEST))?;
    file.write_all(manifest.to_text().as_bytes())?;
    file.sync_all()?;
    sync_folders(target)?;
    Ok(manifest)
}

/// Reads every file of a backup and compares it with the manifest.
///
/// # Errors
/// [`BackupError`]: the first thing that is wrong.
pub fn verify(backup: &Path) -> Result<Manifest, BackupError> {
    let manifest = read_manifest(backup)?;
    check_names(backup, &manifest)?;
    for file in &manifest.files {
        if digest_file(&backup.join(&file.path), None)? != (file.bytes, file.sm3.clone()) {
            return Err(BackupError::FileChanged(file.path.clone()));
        }
    }
    Ok(manifest)
}

/// Makes a data folder out of a backup. `directory` must not exist; it appears complete or not at all, and every file is checked while
/// it is copied.
///
/// # Errors
/// [`BackupError`]; what was half copied lies in `<directory>.partial` and may be removed.
pub fn restore(backup: &Path, directory: &Path) -> Result<Manifest, BackupError> {
    if directory.exists() {
        return Err(BackupError::TargetExists);
    }
    let manifest = read_manifest(backup)?;
    check_names(backup, &manifest)?;
    let mut partial = directory.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    if partial.exists() {
        return Err(BackupError::TargetExists);
    }
    for file in &manifest.files {
        let target = partial.join(&file.path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        if digest_file(&backup.join(&file.path), Some(&target))? != (file.bytes, file.sm3.clone()) {
            return Err(BackupError::FileChanged(file.path.clone()));
        }
    }
    sync_folders(&partial)?;
    fs::rename(&partial, directory)?;
    if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent)?.sync_all()?;
    }
    Ok(manifest)
}

/// The copy without a manifest: an engine checkpoint, then the segments. In this order: every row of the checkpoint points at bytes that
/// were fsynced before it, so they are in the segments that are copied after it.
pub(crate) fn copy_store(engine: &dyn Engine, source: Option<&Path>, target: &Path) -> Result<(), StoreError> {
    let io = |error: std::io::Error| StoreError::Engine(io_error(&error));
    if target.exists() {
        return Err(StoreError::Engine(EngineError::Io("the target folder exists already".to_owned())));
    }
    fs::create_dir_all(target).map_err(io)?;
    engine.checkpoint(&target.join(DATABASE_FOLDER))?;
    let blobs = target.join(BLOB_FOLDER);
    fs::create_dir_all(&blobs).map_err(io)?;
    let Some(source) = source.map(|source| source.join(BLOB_FOLDER)) else { return Ok(()) };
    for path in files_below(&source).map_err(io)? {
        let copy = blobs.join(&path);
        // A segment that is being appended to is copied as far as it goes: what lies behind is not in the checkpoint.
        fs::copy(source.join(&path), &copy).and_then(|_| File::open(&copy)?.sync_all()).map_err(io)?;
    }
    Ok(())
}

impl Manifest {
    fn to_text(&self) -> String {
        let mut text = format!(
            "kangmai-backup {MANIFEST_FORMAT}\nstore-format {}\ncreated-ms {}\n",
            self.store_format, self.created_ms
        );
        for file in &self.files {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "file {} {} {}", file.sm3, file.bytes, file.path);
        }
        let digest = hex(&Sm3::digest(text.as_bytes()));
        let _ = writeln!(text, "end {digest}");
        text
    }

    fn parse(text: &str) -> Result<Self, BackupError> {
        let wrong = |what: &str| BackupError::Manifest(what.to_owned());
        let body_end = text.trim_end_matches('\n').rfind('\n').ok_or_else(|| wrong("it has less than two lines"))? + 1;
        let (body, end) = text.split_at(body_end);
        if end != format!("end {}\n", hex(&Sm3::digest(body.as_bytes()))) {
            return Err(wrong("its last line does not fit the lines before"));
        }
        let mut lines = body.lines();
        let mut number = |name: &str| {
            let value = lines.next().and_then(|line| line.strip_prefix(name)).and_then(|rest| rest.strip_prefix(' '));
            value.and_then(|value| value.parse::<i64>().ok()).ok_or_else(|| wrong(name))
        };
        let format = number("kangmai-backup")?;
        if format > i64::from(MANIFEST_FORMAT) {
            return Err(BackupError::NewerFormat {
                found: u32::try_from(format).unwrap_or(u32::MAX),
                known: MANIFEST_FORMAT,
            });
        }
        let store_format = u32::try_from(number("store-format")?).map_err(|_| wrong("store-format"))?;
        if store_format > FORMAT {
            return Err(BackupError::NewerFormat { found: store_format, known: FORMAT });
        }
        let created_ms = number("created-ms")?;
        let files = lines.map(|line| parse_file(line).ok_or_else(|| wrong(line))).collect::<Result<_, _>>()?;
        Ok(Self { store_format, created_ms, files })
    }
}

fn parse_file(line: &str) -> Option<ManifestFile> {
    let (sm3, rest) = line.strip_prefix("file ")?.split_once(' ')?;
    let (bytes, path) = rest.split_once(' ')?;
    // A manifest must not be able to name a file outside the backup.
    let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    inside.then(|| Some(ManifestFile { path: path.to_owned(), bytes: bytes.parse().ok()?, sm3: sm3.to_owned() }))?
}

fn read_manifest(backup: &Path) -> Result<Manifest, BackupError> {
    let wrong = |what: String| BackupError::Manifest(what);
    let file = File::open(backup.join(MANIFEST)).map_err(|error| wrong(error.to_string()))?;
    let mut text = String::new();
    file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    Manifest::parse(&text)
}

/// Every file of the manifest is there, and no other.
fn check_names(backup: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let found = files_below(backup)?;
    let missing = manifest.files.iter().find(|file| found.binary_search(&file.path).is_err());
    if let Some(file) = missing {
        return Err(BackupError::FileMissing(file.path.clone()));
    }
    let known = |path: &String| path == MANIFEST || manifest.files.iter().any(|file| file.path == *path);
    match found.into_iter().find(|path| !known(path)) {
        Some(path) => Err(BackupError::FileUnknown(path)),
        None => Ok(()),
    }
}

/// Relative paths of all files below a folder, sorted.
fn files_below(root: &Path) -> Result<Vec<String>, std::io::Error> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
            } else {
                files.push(path);
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Length and SM3 of a file; with `copy` the bytes are written there too, fsynced.
fn digest_file(path: &Path, copy: Option<&Path>) -> Result<(u64, String), std::io::Error> {
    let mut source = File::open(path)?;
    let mut copy = copy.map(File::create_new).transpose()?;
    let mut sm3 = Sm3::new();
    let mut bytes = 0;
    let mut portion = vec![0; COPY_BYTES];
    loop {
        let length = source.read(&mut portion)?;
        if length == 0 {
            break;
        }
        sm3.update(&portion[..length]);
        bytes += length as u64;
        if let Some(copy) = &mut copy {
            copy.write_all(&portion[..length])?;
        }
    }
    if let Some(copy) = copy {
        copy.sync_all()?;
    }
    Ok((bytes, hex(&sm3.finalize())))
}

/// Names must survive a power cut as well as bytes.
fn sync_folders(root: &Path) -> Result<(), std::io::Error> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(root)?.sync_all()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
