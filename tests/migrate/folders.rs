//! Reading folders: both layouts, and each defect with its own error.

use infra::migrate::{Folder, FolderError, Layout};

use super::{Written, fixture};

#[test]
fn both_layouts_are_recognised() {
    let table = [
        ("v0-shop", Layout::V0, 5),
        ("v0-prefix-timestamp", Layout::V0, 2),
        ("example", Layout::V0, 2),
        ("v1-shop", Layout::V1, 5),
        ("upgrade", Layout::V1, 5),
        ("v1-branches-commutative", Layout::V1, 3),
    ];
    for (name, layout, count) in table {
        let folder = Folder::read(&fixture(name)).unwrap();
        assert_eq!((folder.layout, folder.migrations.len()), (layout, count), "{name}");
    }
}

/// `drizzle-kit up` made one of these folders from the other.
#[test]
fn v0_migrations_have_the_names_that_up_gives_them() {
    let names = |name: &str| -> Vec<(String, String)> {
        let migrations = Folder::read(&fixture(name)).unwrap().migrations;
        migrations.into_iter().map(|migration| (migration.name, migration.hash)).collect()
    };
    assert_eq!(names("v0-shop"), names("upgrade"));
}

#[test]
fn broken_folders() {
    let error = Folder::read(&fixture("v1-trap-leftover-journal")).unwrap_err();
    assert!(matches!(error, FolderError::Mixed { .. }), "{error:?}");
    let error = Folder::read(&fixture("v0-trap-missing-file")).unwrap_err();
    assert!(matches!(&error, FolderError::MissingFile { tag, .. } if tag == "0002_c"), "{error:?}");
    let empty = tempfile::tempdir().unwrap();
    let error = Folder::read(empty.path()).unwrap_err();
    assert!(matches!(error, FolderError::NoJournal { .. }), "{error:?}");
    let error = Folder::read(&empty.path().join("nowhere")).unwrap_err();
    assert!(matches!(error, FolderError::NoJournal { .. }), "{error:?}");

    let written = Written::new(&[("0000_a", "SELECT 1")]);
    let error = Folder::read(&written.path().with_file_name("migratoins")).unwrap_err();
    assert!(matches!(&error, FolderError::NoJournal { near: Some(near), .. } if near == written.path()), "{error:?}");
    std::fs::write(written.file("0000_a"), b"SELECT '\xff'").unwrap();
    let error = Folder::read(written.path()).unwrap_err();
    assert!(matches!(error, FolderError::NotUtf8 { byte: 8, .. }), "{error:?}");

    std::fs::write(written.file("0000_a"), b"SELECT '\0'").unwrap();
    let error = Folder::read(written.path()).unwrap_err();
    assert!(matches!(error, FolderError::Nul { byte: 8, .. }), "{error:?}");

    // A folder in the file's place is there, and is none.
    std::fs::remove_file(written.file("0000_a")).unwrap();
    std::fs::create_dir(written.file("0000_a")).unwrap();
    let error = Folder::read(written.path()).unwrap_err();
    assert!(matches!(&error, FolderError::Unreadable { path, .. } if *path == written.file("0000_a")), "{error:?}");
    assert!(error.to_string().contains("Is a directory"), "{error}");

    let v1 = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(v1.path().join("20260101000000_a")).unwrap();
    let error = Folder::read(v1.path()).unwrap_err();
    assert!(matches!(error, FolderError::MissingFile { .. }), "{error:?}");
    std::fs::create_dir_all(v1.path().join("b")).unwrap();
    for folder in ["b", "20260101000000_a"] {
        std::fs::write(v1.path().join(folder).join("migration.sql"), "").unwrap();
    }
    let error = Folder::read(v1.path()).unwrap_err();
    assert!(matches!(error, FolderError::BadName { .. }), "{error:?}");
}
