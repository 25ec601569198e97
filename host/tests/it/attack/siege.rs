//! The host under attack, and the readings that it has to take meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::feeder::{Feeder, make_topic};
use crate::servers::{Running, World, eventually};

/// Time between two readings of the steady meter.
const STEP: Duration = Duration::from_millis(20);

pub(super) struct Siege {
    pub(super) world: World,
    running: Running,
    stop: Arc<AtomicBool>,
    /// Gives the number of readings that were sent.
    steady: JoinHandle<i64>,
}

impl Siege {
    /// The host runs, and has taken the first readings of a meter that sends all the time.
    pub(super) async fn begin(world: World) -> Self {
        make_topic(&world).await;
        let stop = Arc::new(AtomicBool::new(false));
        let steady = std::thread::spawn(sender(Feeder::new(&world, "none"), Arc::clone(&stop)));
        let running = world.start();
        counted(&world, |count| count > 0).await;
        Self { world, running, stop, steady }
    }

    /// The attack is over: every reading is in a window, the host took no more memory than this, and it ends when it is told to.
    #[expect(clippy::print_stdout, reason = "a line of the table of attacks")]
    pub(super) async fn end(self, row: &str, attack: &str, most_mebibytes: f64) {
        let Self { world, running, stop, steady } = self;
        stop.store(true, Ordering::Relaxed);
        let sent = tokio::task::spawn_blocking(|| steady.join().unwrap()).await.unwrap();
        counted(&world, |count| count == sent).await;
        let peak = running.peak_mebibytes();
        println!("| {row} | {attack} | {peak:.0} MiB | all of {sent} readings | held |");
        assert!(peak < most_mebibytes, "{attack}: {peak} MiB");
        running.stop();
    }
}

async fn counted(world: &World, is_enough: impl Fn(i64) -> bool) {
    let postgres = world.postgres().await;
    eventually("readings of the steady meter are in windows", async || {
        let query = "SELECT coalesce(sum(count), 0)::bigint FROM aggregations WHERE building = 'Steady'";
        let count = sqlx::query_scalar(query).fetch_one(&postgres).await.ok()?;
        is_enough(count).then_some(())
    })
    .await;
}

/// Sends a reading now and then until it is told to stop.
fn sender(feeder: Feeder, stop: Arc<AtomicBool>) -> impl FnOnce() -> i64 {
    move || {
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            let reading = format!("{{\"timestamp\":{now},\"building\":\"Steady\",\"electricity\":1.0,\"water\":2.0}}");
            feeder.send_line(&reading);
            sent += 1;
            std::thread::sleep(STEP);
        }
        feeder.finish();
        sent
    }
}
