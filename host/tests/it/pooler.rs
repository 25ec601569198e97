//! PostgreSQL behind a PgBouncer that gives each transaction whichever connection is free.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::servers::{World, eventually};

/// PgBouncer, as `admin` on the server of the tests; ended when dropped.
struct Pooler {
    process: Child,
    _folder: tempfile::TempDir,
    url: String,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// It is no program for everybody's path.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("pgbouncer"));
    let found = found.find(|file| file.is_file()).unwrap_or_else(|| "/usr/sbin/pgbouncer".into());
    assert!(found.is_file(), "no pgbouncer on this machine; on Debian: sudo apt-get install pgbouncer");
    found
}

/// It refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    let output = Command::new("id").arg("-u").output().unwrap();
    if output.stdout.trim_ascii() != b"0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]).arg(program);
    command
}

impl Pooler {
    /// Before the database of this world.
    fn start(world: &World) -> Self {
        let (server, database) = world.postgres.rsplit_once('/').unwrap();
        let address = server.rsplit_once('@').unwrap().1;
        let (host, port) = address.rsplit_once(':').unwrap();
        let own_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let file = folder.path().join("pgbouncer.ini");
        // Few connections, so that transactions of several clients go over the same ones.
        let settings = format!(
            "[databases]\n{database} = host={host} port={port} dbname={database} user=admin\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own_port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 2\nlogfile =\n"
        );
        std::fs::write(&file, settings).unwrap();
        let process = unprivileged(&program()).arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { process, _folder: folder, url: format!("postgres://admin@127.0.0.1:{own_port}/{database}") }
    }
}

/// Four windows of a building.
fn readings(world: &World) -> PathBuf {
    let file = world.folder.path().join("quarters.jsonl");
    let line = |minute: u32| {
        let timestamp = format!("2026-01-15T00:{minute:02}:00Z");
        serde_json::json!({ "timestamp": timestamp, "building": "Hall", "floor": 1, "electricity": 150.0, "water": 300.0 })
    };
    std::fs::write(&file, (0..60).map(|minute| format!("{}\n", line(minute))).collect::<String>()).unwrap();
    file
}

async fn database(world: &World) -> sqlx::PgPool {
    let server = sqlx::PgPool::connect(&world.postgres_server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {}", world.name))).execute(&server).await.unwrap();
    sqlx::PgPool::connect(&world.postgres).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_everything_is_as_without_it() {
    let mut world = World::new("pooler");
    world.configure("[window]\nsize = \"15m\"\n");
    let direct = database(&world).await;
    let pooler = Pooler::start(&world);
    let settings = [
        ("WATTDOG__SINK__POSTGRES__URL", pooler.url.clone()),
        ("WATTDOG__SINK__POSTGRES__POOLER", "true".to_owned()),
        ("WATTDOG__SINK__POSTGRES__KEEP", "36500d".to_owned()),
    ];
    world.variables.extend(settings);
    world.replay(&readings(&world));
    let running = world.start();
    let beside = world.start_beside();
    eventually("four windows", async || {
        let windows: i64 =
            sqlx::query_scalar("SELECT count(*) FROM aggregations WHERE count = 15").fetch_one(&direct).await.ok()?;
        (windows == 4).then_some(())
    })
    .await;
    // More readings than the pooler has connections ask at the same time.
    let pages: Vec<_> = std::thread::scope(|scope| {
        let ask = || world.told("/api/v1/aggregations?bucket=1h").unwrap();
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|page| page.join().unwrap()).collect()
    });
    for page in pages {
        assert!(page.contains("\"count\":60") && page.contains("\"avg_electricity\":150.0"), "{page}");
    }
    let doctor = world.asked(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("its tables are there"), "{said}");
    let log = world.log();
    assert!(!log.contains("away") && !log.contains("old rows are not deleted"), "{log}");
    beside.stop();
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_its_name_is_told() {
    let mut world = World::new("unpooled");
    let _database = database(&world).await;
    let pooler = Pooler::start(&world);
    world.variables.push(("WATTDOG__SINK__POSTGRES__URL", pooler.url.clone()));
    world.replay(&readings(&world));
    let running = world.start();
    let advice = "this is a connection pooler: set `sink.postgres.pooler = true`";
    eventually("the log names the key", async || world.log().contains(advice).then_some(())).await;
    let doctor = world.asked(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains(advice), "{said}");
    running.stop();
}
