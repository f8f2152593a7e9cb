//! The data folder as an operator sees it: a directory, and beside it the key file without which nothing in it can be read.

use std::fs;
use std::io::Write as _;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Home;
use store::{EngineError, Store, StoreError};
use trust::{AuditAction, AuditEvent, Domain, MasterKey, Outcome, TenantKeys};

/// Memory for the engine's block cache: what keeps a county's index blocks hot and the process below 300 MB.
const CACHE_BYTES: usize = 64 << 20;

/// The control socket's name in the folder.
const SOCKET: &str = "control.sock";

/// A data folder and its key.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The directory.
    pub data: PathBuf,
    /// The key file. It lies outside the folder, so that a copy of the folder alone is worth nothing.
    pub key_file: PathBuf,
}

/// Why a folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder has data and the key is gone.
    #[error("{0} has data, but its key file {1} is missing; without it the data cannot be read (say --key-file FILE)")]
    NoKey(PathBuf, PathBuf),
    /// The key file is not one.
    #[error("{0} is not a key file: {1}")]
    BadKey(PathBuf, String),
    /// Another process holds the folder and does not answer on its control socket.
    #[error("{0} is in use by another process that does not answer on its control socket")]
    InUse(PathBuf),
    /// The store refuses.
    #[error("cannot open {0}: {1}")]
    Store(PathBuf, StoreError),
    /// A backup cannot be believed or restored.
    #[error(transparent)]
    Backup(#[from] store::backup::BackupError),
    /// The system refuses.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
}

impl Folder {
    /// A folder with its key at `key_file`, or at `DIR.key` beside it.
    #[must_use]
    pub fn new(data: &Path, key_file: Option<PathBuf>) -> Self {
        let beside = || {
            let mut name = data.file_name().unwrap_or_else(|| "data".as_ref()).to_owned();
            name.push(".key");
            data.with_file_name(name)
        };
        Self { data: data.to_owned(), key_file: key_file.unwrap_or_else(beside) }
    }

    /// Opens the store in the folder; a new folder gets a new key.
    pub fn open(&self) -> Result<Arc<Store>, FolderError> {
        let is_new = self.is_empty()?;
        let master_key = match fs::read_to_string(&self.key_file) {
            Ok(_) => {
                self.warn_when_readable();
                read_key(&self.key_file)?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_new => self.make_key()?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(FolderError::NoKey(self.data.clone(), self.key_file.clone()));
            }
            Err(error) => return Err(FolderError::Io(self.key_file.clone(), error)),
        };
        self.make_directory()?;
        Store::open(&self.data, Self::options(master_key)).map_err(|error| self.refused(error))
    }

    fn options(master_key: MasterKey) -> store::Options {
        store::Options { cache_bytes: CACHE_BYTES, ..store::Options::new(master_key) }
    }

    /// Opens a folder whose write-ahead log is damaged before its end up to the damage, once, and writes that into the platform's audit
    /// log. `None`: nothing is damaged so.
    ///
    /// # Errors
    /// [`FolderError`]; no server may hold the folder.
    pub fn repair(&self) -> Result<Option<store::Repaired>, FolderError> {
        let master_key = read_key(&self.key_file)?;
        let note = |store: &Store, repaired: &store::Repaired| {
            let at_ms = store.clock().now_ms();
            let platform = model::TenantId(0);
            let mut event = AuditEvent::new(
                at_ms,
                format!("repair-{at_ms:x}"),
                platform,
                AuditAction::LogRepaired,
                Outcome::Success,
            );
            "kangmai repair".clone_into(&mut event.route);
            event.detail = Some(format!("{} records lay behind the damage", repaired.damage.records_behind));
            store.audit().append(&event)
        };
        Store::repair(&self.data, Self::options(master_key), note).map_err(|error| self.refused(error))
    }

    /// The store in this folder refused something.
    pub(crate) fn refused(&self, error: StoreError) -> FolderError {
        if matches!(error, StoreError::Engine(EngineError::Locked)) {
            return FolderError::InUse(self.data.clone());
        }
        FolderError::Store(self.data.clone(), error)
    }

    /// Where the server that holds this folder listens for its administrator.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.data.join(SOCKET)
    }

    /// The same socket under a short name, valid while the file is open: a socket's path may have 107 bytes only, and data
    /// folders lie deeper than that.
    pub(crate) fn control_door(&self) -> std::io::Result<(fs::File, PathBuf)> {
        let directory = fs::File::open(&self.data)?;
        let door = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(SOCKET);
        Ok((directory, door))
    }

    /// Puts a backup in the place of this folder, which must not exist, and opens it once to see that the key fits.
    ///
    /// # Errors
    /// [`FolderError::Backup`] names the first thing that is wrong; nothing half-restored is left in place.
    pub fn restore(&self, backup: &Path) -> Result<usize, FolderError> {
        if !self.key_file.is_file() {
            return Err(FolderError::NoKey(backup.to_owned(), self.key_file.clone()));
        }
        let manifest = store::backup::restore(backup, &self.data)?;
        self.open()?.close();
        Ok(manifest.files.len())
    }

    /// The new key of a renewal, beside the key file. One that an interrupted renewal left is used.
    ///
    /// # Errors
    /// [`FolderError`] when there is no key file to be renewed, or the system refuses.
    pub fn make_new_key(&self) -> Result<PathBuf, FolderError> {
        read_key(&self.key_file)?;
        let new = beside(&self.key_file, ".new");
        if new.exists() {
            read_key(&new)?;
            return Ok(new);
        }
        // Complete or not there at all.
        let part = beside(&self.key_file, ".new.part");
        let failed = |error| FolderError::Io(part.clone(), error);
        if part.exists() {
            fs::remove_file(&part).map_err(failed)?;
        }
        write_key(&part, &MasterKey::generate())?;
        fs::rename(&part, &new).map_err(failed)?;
        sync_names(&new)?;
        Ok(new)
    }

    /// Puts the new key in the place of the key file; returns where the old one is kept.
    ///
    /// # Errors
    /// [`FolderError::Io`]; one of the two is in its place, whatever happens.
    pub fn take_new_key(&self, at_ms: i64) -> Result<PathBuf, FolderError> {
        let new = beside(&self.key_file, ".new");
        let old = beside(&self.key_file, &format!(".old-{at_ms}"));
        fs::hard_link(&self.key_file, &old).map_err(|error| FolderError::Io(old.clone(), error))?;
        fs::rename(&new, &self.key_file).map_err(|error| FolderError::Io(new, error))?;
        sync_names(&self.key_file)?;
        Ok(old)
    }

    fn is_empty(&self) -> Result<bool, FolderError> {
        match fs::read_dir(&self.data) {
            // A socket is no data.
            Ok(mut entries) => Ok(!entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != SOCKET))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(FolderError::Io(self.data.clone(), error)),
        }
    }

    fn make_directory(&self) -> Result<(), FolderError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.data).map_err(|error| FolderError::Io(self.data.clone(), error))
    }

    fn make_key(&self) -> Result<MasterKey, FolderError> {
        let failed = |error| FolderError::Io(self.key_file.clone(), error);
        let key = MasterKey::generate();
        if let Some(parent) = self.key_file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        write_key(&self.key_file, &key)?;
        tracing::info!("a new key file was made; keep a copy of it apart from the data");
        Ok(key)
    }

    fn warn_when_readable(&self) {
        let is_open = fs::metadata(&self.key_file).is_ok_and(|it| it.permissions().mode() & 0o077 != 0);
        if is_open {
            tracing::warn!("others can read the key file; set its mode to 0600");
        }
    }
}

/// The key in a key file.
///
/// # Errors
/// [`FolderError::BadKey`], [`FolderError::Io`].
pub(crate) fn read_key(file: &Path) -> Result<MasterKey, FolderError> {
    let text = fs::read_to_string(file).map_err(|error| FolderError::Io(file.to_owned(), error))?;
    MasterKey::from_text(text.trim()).map_err(|error| FolderError::BadKey(file.to_owned(), error.to_string()))
}

fn write_key(path: &Path, key: &MasterKey) -> Result<(), FolderError> {
    let failed = |error| FolderError::Io(path.to_owned(), error);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(key.to_text().expose().as_bytes()).map_err(failed)?;
    file.write_all(b"\n").map_err(failed)?;
    // A key that is lost after its first record would take the record with it.
    file.sync_all().map_err(failed)
}

/// A name beside a file.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A name must survive a power cut as well as what it names.
fn sync_names(file: &Path) -> Result<(), FolderError> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(parent).and_then(|it| it.sync_all()).map_err(|error| FolderError::Io(parent.to_owned(), error))
}

/// Reads every file of a backup and compares it with its manifest; returns how many there are.
///
/// # Errors
/// [`FolderError::Backup`] names the first thing that is wrong.
pub fn verify_backup(backup: &Path) -> Result<usize, FolderError> {
    Ok(store::backup::verify(backup)?.files.len())
}

/// The registration that a Patient's id belongs to, also of one that does not exist (any more).
pub(crate) fn home_of(keys: &TenantKeys, patient_id: &str) -> Home {
    let is_hex =
        |text: &str| text.len() == 16 && text.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it));
    let hex = |text: &str| if is_hex(text) { u64::from_str_radix(text, 16).ok() } else { None };
    let assigned = patient_id.split_once('-').and_then(|(home, number)| hex(home).zip(hex(number)));
    match assigned {
        Some((home, _)) => Home(home),
        None => Home(keys.hash64(Domain::Id, format!("Patient/{patient_id}").as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_lies_beside_the_folder() {
        let folder = Folder::new(Path::new("somewhere/data"), None);
        assert_eq!(folder.key_file, Path::new("somewhere/data.key"));
        let folder = Folder::new(Path::new("data/"), Some("k".into()));
        assert_eq!(folder.key_file, Path::new("k"));
    }
}
