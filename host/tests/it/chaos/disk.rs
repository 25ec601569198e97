//! A small disk under the database, which can be full.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use crate::servers::{World, workspace};

const MEGABYTES: u32 = 600;

/// A file system in memory, for which the machine's administrator is needed, as for the servers' packages.
pub(super) struct SmallDisk {
    folder: PathBuf,
    server: String,
    /// Of the database, and of its tablespace.
    name: String,
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}; a small disk needs the machine's administrator");
}

impl SmallDisk {
    /// Makes the world's database on a disk of its own.
    pub(super) async fn under(world: &World) -> Self {
        let folder = workspace().join("target/small-disk").join(&world.name);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.to_str().unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={MEGABYTES}m"), "wattdog", path]);
        let data = folder.join("data");
        std::fs::create_dir(&data).unwrap();
        let of_server = workspace().join("target/services/postgres/data");
        run("chown", &[&format!("--reference={}", of_server.display()), data.to_str().unwrap()]);
        let mut server = PgConnection::connect(&world.postgres_server).await.unwrap();
        for statement in [
            format!("CREATE TABLESPACE {} LOCATION '{}'", world.name, data.display()),
            format!("CREATE DATABASE {0} TABLESPACE {0}", world.name),
        ] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut server).await.unwrap();
        }
        Self { folder, server: world.postgres_server.clone(), name: world.name.clone() }
    }

    /// Nothing more can be written for a while.
    pub(super) fn fill(&self, time: Duration) {
        let file = self.folder.join("filler");
        let mut filler = std::fs::File::create(&file).unwrap();
        let mut size = 1 << 20;
        while size > 0 {
            if filler.write_all(&vec![0; size]).is_err() {
                size /= 2;
            }
        }
        std::thread::sleep(time);
        std::fs::remove_file(file).unwrap();
    }
}

impl Drop for SmallDisk {
    /// Takes the disk away, with the database: a server that finds neither does not start again.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let drop = async move {
            let mut server = PgConnection::connect(&server).await.ok()?;
            for what in [format!("DATABASE {name} WITH (FORCE)"), format!("TABLESPACE {name}")] {
                sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP {what}"))).execute(&mut server).await.ok()?;
            }
            Some(())
        };
        // On a thread of its own, since a runtime may be at work on this one. A second panic would hide the first.
        let _ = std::thread::spawn(|| tokio::runtime::Runtime::new().ok()?.block_on(drop)).join();
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}
