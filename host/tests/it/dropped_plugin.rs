//! A detector is a file that is dropped into a folder, changed there and taken out, while readings flow.

use std::path::Path;
use std::time::Duration;

use crate::failing_detector::{line, with_tally};
use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually, workspace};

/// A meter that repeats its value for five hours; the detector's own limit is three.
fn stuck_readings(day: u32) -> impl Iterator<Item = String> {
    (0..10).map(move |half_hour| {
        let (hour, minute) = (half_hour / 2, half_hour % 2 * 30);
        format!(
            r#"{{"timestamp":"2025-12-{day:02}T{hour:02}:{minute:02}:00Z","building":"Stuck","floor":1,"electricity":900.5,"water":300}}"#
        )
    })
}

async fn findings(postgres: &sqlx::PgPool, table: &str, detector: &str) -> Option<i64> {
    let query = format!("SELECT count(*) FROM {table} WHERE detector = $1");
    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).bind(detector).fetch_one(postgres).await.ok()
}

fn guest(name: &str) -> std::path::PathBuf {
    let file = workspace().join("target/guests").join(name);
    assert!(file.exists(), "{}: run `cargo xtask plugins`", file.display());
    file
}

fn events(world: &World, file: &str) -> Vec<String> {
    world.audit().into_iter().filter(|(_, of, ..)| of == file).map(|(event, ..)| event).collect()
}

async fn until_audited(world: &World, file: &str, event: &str, times: usize) {
    eventually(&format!("{file} is {event} {times} times"), async || {
        (events(world, file).iter().filter(|known| *known == event).count() >= times).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_detector_runs_at_once_knows_what_was_before_and_leaves_when_its_file_does() {
    let world = World::with_plugins("dropped", &["kmeans"]);
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    feeder.send_lines(stuck_readings(4));
    let running = world.start();
    let postgres = world.postgres().await;
    eventually("kmeans judges", async || (findings(&postgres, "anomalies", "kmeans").await? == 10).then_some(())).await;

    std::fs::copy(guest("stuck-meter.wasm"), world.plugins().join("stuck-meter.wasm")).unwrap();
    until_audited(&world, "stuck-meter", "warm", 1).await;
    until_audited(&world, "", "swapped", 1).await;
    feeder.send_lines(stuck_readings(5));
    // It has gone through the day before, unpublished: the meter has been stuck for a day, so every reading is a finding.
    eventually("both judge", async || {
        let kmeans = findings(&postgres, "anomalies", "kmeans").await?;
        (kmeans == 20 && findings(&postgres, "anomalies", "stuck-meter").await? == 10).then_some(())
    })
    .await;

    std::fs::remove_file(world.plugins().join("stuck-meter.wasm")).unwrap();
    until_audited(&world, "stuck-meter", "gone", 1).await;
    feeder.send_lines(stuck_readings(6));
    eventually("kmeans goes on", async || (findings(&postgres, "anomalies", "kmeans").await? == 30).then_some(())).await;
    assert_eq!(findings(&postgres, "anomalies", "stuck-meter").await, Some(10));
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_starts_where_half_a_file_lies_goes_on_with_what_ran_before() {
    let (world, feeder) = with_tally("half_a_file").await;
    feeder.send_lines((0..800).map(line));
    let running = world.start();
    let postgres = world.postgres().await;
    let scored = async || -> Option<i64> {
        let query = "SELECT count(DISTINCT (building, context->>'seen')) FROM anomalies WHERE detector = 'tally'";
        sqlx::query_scalar(query).fetch_one(&postgres).await.ok()
    };
    eventually("all are scored", async || (scored().await? == 800).then_some(())).await;
    running.stop();

    let (component, refused) = (world.plugins().join("tally.wasm"), || world.ask(&["plugin", "list"]).contains("refused"));
    let whole = std::fs::read(&component).unwrap();
    std::fs::write(&component, &whole[..whole.len() / 2]).unwrap();
    let running = world.start();
    feeder.send_lines((800..1_600).map(line));
    eventually("each reading is the next of its meter", async || (scored().await? == 1_600).then_some(())).await;
    assert!(refused(), "{}", world.ask(&["plugin", "list"]));

    // The rest of it comes, and it is what runs.
    std::fs::write(&component, whole).unwrap();
    eventually("nothing is refused", async || (!refused()).then_some(())).await;
    running.stop();
}

/// Changes another plugin's sidecar: once that has taken effect, so has everything that was there before it.
async fn settle(world: &World) {
    let (sidecar, before) = (world.plugins().join("kmeans.toml"), events(world, "kmeans").len());
    let mut table: toml::Table = std::fs::read_to_string(&sidecar).unwrap().parse().unwrap();
    table.insert("order".into(), toml::Value::Integer(before as i64));
    std::fs::write(&sidecar, table.to_string()).unwrap();
    until_audited(world, "kmeans", "loaded", before + 1).await;
}

/// Puts the file there.
type Way<'a> = &'a dyn Fn(&Path);

fn copy_slowly(from: &Path, to: &Path) {
    use std::io::Write as _;
    let bytes = std::fs::read(from).unwrap();
    let mut file = std::fs::File::create(to).unwrap();
    for part in bytes.chunks(bytes.len() / 6 + 1) {
        file.write_all(part).unwrap();
        file.flush().unwrap();
        std::thread::sleep(Duration::from_millis(450));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_put_a_file_there_loads_it_once_and_never_half() {
    let world = World::with_plugins("ways", &["kmeans"]);
    make_topic(&world).await;
    let running = world.start();
    let (from, plugins) = (guest("stuck-meter.wasm"), world.plugins().to_owned());
    let aside = world.folder.path().join("aside");
    std::fs::create_dir_all(aside.join("2026-01")).unwrap();
    std::fs::create_dir_all(aside.join("2026-02")).unwrap();
    for version in ["2026-01", "2026-02"] {
        std::fs::copy(&from, aside.join(version).join("mounted.wasm")).unwrap();
    }
    // All carry the same plugin, so each goes before the next comes.
    let ways: [(&str, Way<'_>); 5] = [
        ("cp", &|to| assert!(std::fs::copy(&from, to).unwrap() > 0)),
        ("mv", &|to| {
            let beside = plugins.join("on-its-way.part");
            std::fs::copy(&from, &beside).unwrap();
            std::fs::rename(beside, to).unwrap();
        }),
        ("scp", &|to| copy_slowly(&from, to)),
        ("editor", &|to| {
            // A lock file, a backup, then the new file under the name: twice, as somebody saves twice.
            for _ in 0..2 {
                std::fs::write(plugins.join(".editor.wasm.swp"), b"lock").unwrap();
                let _ = std::fs::rename(to, plugins.join("editor.wasm~"));
                std::fs::copy(&from, to).unwrap();
                std::fs::remove_file(plugins.join(".editor.wasm.swp")).unwrap();
            }
        }),
        ("link", &|to| std::os::unix::fs::symlink(&from, to).unwrap()),
    ];
    for (way, put) in ways {
        let to = plugins.join(format!("{way}.wasm"));
        put(&to);
        until_audited(&world, way, "loaded", 1).await;
        settle(&world).await;
        std::fs::remove_file(&to).unwrap();
        until_audited(&world, way, "removed", 1).await;
    }
    // As Kubernetes mounts a configuration: the file is a link through `..data`, which is switched to a new folder at once.
    std::os::unix::fs::symlink(aside.join("2026-01"), plugins.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/mounted.wasm", plugins.join("mounted.wasm")).unwrap();
    until_audited(&world, "mounted", "loaded", 1).await;
    std::fs::write(aside.join("2026-02/mounted.toml"), "mode = \"active\"\n[params]\nhours = 5.0\n").unwrap();
    std::os::unix::fs::symlink("..data/mounted.toml", plugins.join("mounted.toml")).unwrap();
    std::os::unix::fs::symlink(aside.join("2026-02"), plugins.join("..data_tmp")).unwrap();
    std::fs::rename(plugins.join("..data_tmp"), plugins.join("..data")).unwrap();
    until_audited(&world, "mounted", "loaded", 2).await;
    settle(&world).await;
    for (way, _) in ways {
        assert_eq!(events(&world, way).iter().filter(|event| *event == "loaded").count(), 1, "{way}: {:?}", events(&world, way));
    }
    assert_eq!(events(&world, "mounted").iter().filter(|event| *event == "loaded").count(), 2);
    assert!(!world.audit().iter().any(|(event, ..)| event == "refused"), "none was taken half: {:?}", world.audit());
    running.stop();
}

async fn until_logged(world: &World, words: &str) {
    eventually(&format!("the log says: {words}"), async || world.log().contains(words).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_and_a_folder_that_vanishes_disturb_nothing() {
    let world = World::with_plugins("vanishing", &["kmeans"]);
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    let running = world.start();
    until_audited(&world, "kmeans", "loaded", 1).await;
    std::fs::write(world.plugins().join("kmeans.wasm"), b"not a component at all").unwrap();
    until_audited(&world, "kmeans", "refused", 1).await;
    feeder.send_lines(stuck_readings(4));
    let postgres = world.postgres().await;
    eventually("the version before judges", async || (findings(&postgres, "anomalies", "kmeans").await? == 10).then_some(()))
        .await;

    // What is left where a volume is unmounted: another folder, with nothing in it.
    std::fs::rename(world.plugins(), world.folder.path().join("unmounted")).unwrap();
    until_logged(&world, "cannot read the plugin folder; what runs goes on").await;
    std::fs::create_dir(world.plugins()).unwrap();
    until_logged(&world, "another, empty folder is in its place").await;
    feeder.send_lines(stuck_readings(5));
    eventually("it judges on", async || (findings(&postgres, "anomalies", "kmeans").await? == 20).then_some(())).await;
    assert!(!events(&world, "kmeans").contains(&"removed".to_owned()));
    running.stop();
}
