//! Making and opening the file itself.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;

use stallprof::recording::{CreateError, Writer, create, read};
use stallprof::units::Ktime;

use crate::examples::meta;
use crate::forge::TempDir;

#[test]
fn a_new_file_is_for_its_owner_alone() {
    let dir = TempDir::new("new");
    let path = dir.join("a.stall");
    let file = create(&path, false).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    Writer::to_file(file, &meta()).unwrap().finish(Ktime(1)).unwrap();
    let read = read(&path).unwrap();
    assert_eq!((read.meta, read.damage.len()), (meta(), 0));
}

#[test]
fn an_existing_file_is_replaced_only_by_force() {
    let dir = TempDir::new("existing");
    let path = dir.join("a.stall");
    fs::write(&path, "precious").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let told = create(&path, false).unwrap_err().to_string();
    assert_eq!(
        told,
        format!("{} exists: give --force to replace it, or another name", path.display())
    );
    assert_eq!(fs::read(&path).unwrap(), b"precious");

    // Whoever reads the old file keeps it; the new one has a mode of its own.
    let old = fs::File::open(&path).unwrap();
    let new = create(&path, true).unwrap();
    assert_eq!((old.metadata().unwrap().len(), new.metadata().unwrap().len()), (8, 0));
    assert_eq!(new.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    create(&dir.join("b.stall"), true).unwrap();
}

/// In /tmp anyone may have put a link that waits for root to write through it.
#[test]
fn a_link_is_never_written_through() {
    let dir = TempDir::new("link");
    let (target, link) = (dir.join("target"), dir.join("a.stall"));
    fs::write(&target, "precious").unwrap();
    symlink(&target, &link).unwrap();
    assert!(matches!(create(&link, false), Err(CreateError::Exists(_))));
    create(&link, true).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    // A link to nowhere would make a file somewhere else.
    let (nowhere, link) = (dir.join("nowhere"), dir.join("b.stall"));
    symlink(&nowhere, &link).unwrap();
    assert!(matches!(create(&link, false), Err(CreateError::Exists(_))));
    assert!(!nowhere.exists());
}

#[test]
fn what_is_no_regular_file_is_never_replaced() {
    let dir = TempDir::new("special");
    // A pipe stands for all of them: a failing test must not cost anyone their /dev/null.
    let pipe = dir.join("pipe");
    let name = CString::new(pipe.as_os_str().as_bytes()).unwrap();
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    for force in [false, true] {
        let told = create(dir.path(), force).unwrap_err().to_string();
        assert_eq!(told, format!("{} is a directory: name a file in it", dir.path().display()));
        let told = create(&pipe, force).unwrap_err().to_string();
        assert!(
            told.ends_with("pipe is not a regular file: stallprof does not replace it"),
            "{told}"
        );
    }
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let dir = TempDir::new("absent");
    let told = create(&dir.join("no/a.stall"), true).unwrap_err().to_string();
    assert!(told.ends_with(&format!("there is no directory {}/no", dir.path().display())));
    fs::write(dir.join("file"), "").unwrap();
    let told = create(&dir.join("file/a.stall"), false).unwrap_err().to_string();
    assert!(told.ends_with(&format!("there is no directory {}/file", dir.path().display())));
}

#[test]
fn a_directory_that_may_not_be_written_is_named() {
    let dir = TempDir::new("denied");
    fs::write(dir.join("old.stall"), "").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write anywhere; this thread then acts as nobody, whom the mode does stop. (The
    // call concerns the calling thread alone, and fails harmlessly for anyone but root.)
    let all = unsafe { libc::setfsuid(65534) };
    let new = create(&dir.join("a.stall"), false).map(drop);
    let old = create(&dir.join("old.stall"), true).map(drop);
    unsafe { libc::setfsuid(all as u32) };
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for result in [new, old] {
        let told = result.unwrap_err().to_string();
        let end = format!("no permission to write in {}", dir.path().display());
        assert!(told.ends_with(&end), "{told}");
    }
    assert!(dir.join("old.stall").exists());
}

#[test]
fn errors_of_reading_name_the_file() {
    let dir = TempDir::new("reading");
    let told = read(&dir.join("none.stall")).unwrap_err().to_string();
    assert!(told.contains("none.stall: cannot be read: No such file"), "{told}");
    let told = read(dir.path()).unwrap_err().to_string();
    assert!(told.contains("cannot be read: Is a directory"), "{told}");
    let empty = dir.join("empty.stall");
    fs::write(&empty, "").unwrap();
    let told = read(&empty).unwrap_err().to_string();
    assert_eq!(told, format!("{}: is empty: nothing was recorded", empty.display()));
    // Endless files end with their first bytes.
    for endless in ["/dev/zero", "/dev/urandom"] {
        let told = read(Path::new(endless)).unwrap_err().to_string();
        assert_eq!(told, format!("{endless}: not a stallprof recording"));
    }
}
