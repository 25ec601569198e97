//! A world of its own for each test: random topics and databases on the shared servers, and the real program.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mongodb::bson::Document;
use sqlx::postgres::PgPool;

const PATIENCE: Duration = Duration::from_secs(120);
/// The program ends itself before that.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// A test that takes longer hangs; the test runner itself has no limit.
const LONGEST_TEST: Duration = Duration::from_secs(25 * 60);

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask services up` and export what it prints"))
}

/// Topics, databases and the program of one test.
pub(crate) struct World {
    pub(crate) name: String,
    pub(crate) folder: Arc<tempfile::TempDir>,
    pub(crate) kafka: String,
    /// The URL of this world's database, and of the server's own.
    pub(crate) postgres: String,
    pub(crate) postgres_server: String,
    pub(crate) mongodb: String,
    /// Where the program's page is.
    address: String,
    plugins: PathBuf,
    /// The table `[input]`.
    input: String,
    /// More of the configuration.
    more: String,
    /// Variables of each program.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// `WATTDOG_LOG` of each program; none leaves the default.
    pub(crate) log_levels: Option<&'static str>,
}

/// The running program; ended when dropped.
pub(crate) struct Running {
    child: Child,
    /// Of its page.
    address: String,
}

impl Running {
    /// Its answer, where it gives one.
    pub(crate) fn told(&self, path: &str) -> Option<String> {
        wattdog::web::client::get(&self.address, path, None).ok()
    }

    pub(crate) fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// How it ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < STOP_PATIENCE, "the program does not end: {}", self.threads());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Each with what it waits for, as Linux says.
    fn threads(&self) -> String {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten().flatten();
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        threads.map(|thread| read(thread.path().join("comm")) + " " + &read(thread.path().join("wchan")) + "; ").collect()
    }

    /// The most memory that it ever had, resident.
    pub(crate) fn peak_mebibytes(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kibibytes =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kibibytes.unwrap() / 1_024.0
    }

    /// `STOP`, `CONT`, …
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Asks it to stop as an operator would, and expects exit code 0.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let status = self.ended();
        assert!(status.success(), "the program ended with {status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for World {
    /// A failed test shows what the program said.
    #[expect(clippy::print_stdout, reason = "the test runner keeps it for failures")]
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(log) = std::fs::read_to_string(self.folder.path().join("log"))
        {
            println!("the program said:\n{log}");
        }
    }
}

/// Where nobody listens now.
pub(crate) fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

impl World {
    pub(crate) fn new(test: &str) -> Self {
        let unique = uuid::Uuid::new_v5(
            &uuid::Uuid::NAMESPACE_OID,
            format!("{test} {:?} {}", std::time::SystemTime::now(), std::process::id()).as_bytes(),
        );
        let name = format!("{test}_{}", &unique.simple().to_string()[..10]);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        end_with(&name, &folder);
        let postgres = variable("WATTDOG_TEST_POSTGRES");
        let (server, _) = postgres.rsplit_once('/').unwrap();
        Self {
            postgres: format!("{server}/{name}"),
            postgres_server: postgres.clone(),
            kafka: variable("WATTDOG_TEST_KAFKA"),
            mongodb: variable("WATTDOG_TEST_MONGODB"),
            address: free_address(),
            folder,
            plugins: workspace().join("plugins"),
            input: "[input]\nmax_future = \"1d\"\n".into(),
            more: String::new(),
            variables: Vec::new(),
            log_levels: Some("warn"),
            name,
        }
    }

    /// With a plugin folder of its own, which has these first-party plugins and their sidecars.
    pub(crate) fn with_plugins(test: &str, plugins: &[&str]) -> Self {
        let mut world = Self::new(test);
        let folder = world.folder.path().join("plugins");
        std::fs::create_dir(&folder).unwrap();
        for name in plugins {
            std::fs::copy(world.plugins.join(format!("{name}.wasm")), folder.join(format!("{name}.wasm"))).unwrap();
            let sidecar = std::fs::read_to_string(world.plugins.join(format!("{name}.toml"))).unwrap();
            let models = workspace().join("models");
            std::fs::write(folder.join(format!("{name}.toml")), sidecar.replace("../models", models.to_str().unwrap())).unwrap();
        }
        world.plugins = folder;
        world
    }

    /// Another table `[input]` than that of most tests.
    pub(crate) fn replace_input(&mut self, input: &str) {
        input.clone_into(&mut self.input);
    }

    /// More tables for the configuration.
    pub(crate) fn configure(&mut self, more: &str) {
        more.clone_into(&mut self.more);
    }

    pub(crate) fn plugins(&self) -> &Path {
        &self.plugins
    }

    fn audit_file(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    /// What happened to plugins: (event, file, version, the whole line).
    pub(crate) fn audit(&self) -> Vec<(String, String, String, serde_json::Value)> {
        let text = std::fs::read_to_string(self.audit_file()).unwrap_or_default();
        let line = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("one object a line");
            let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            (word("event"), word("file"), word("version"), line.clone())
        };
        text.lines().map(line).collect()
    }

    /// How many plugins one of several hosts has loaded, in all of its lives.
    pub(crate) fn loaded_by(&self, host: &str) -> usize {
        let audit = std::fs::read_to_string(self.audit_of(host)).unwrap_or_default();
        audit.lines().filter(|line| line.contains(r#""event":"loaded""#)).count()
    }

    fn audit_of(&self, host: &str) -> PathBuf {
        self.folder.path().join(format!("audit-{host}.jsonl"))
    }

    /// What the program has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// For commands, before the program itself is started.
    pub(crate) fn write_config(&self) {
        self.config(&self.name);
    }

    fn config(&self, group: &str) -> PathBuf {
        let path = self.folder.path().join("wattdog.toml");
        let Self { name, kafka, postgres, mongodb, address, input, more, .. } = self;
        let plugins = &self.plugins;
        let cache = self.folder.path().join("cache");
        let audit = self.audit_file();
        let text = format!(
            "[kafka]\nbootstrap = \"{kafka}\"\ntopic = \"{name}\"\ngroup = \"{group}\"\n\
             {input}\n\
             [topics]\naggregations = \"{name}.aggregations\"\nanomalies = \"{name}.anomalies\"\n\
             shadow_anomalies = \"{name}.shadow-anomalies\"\ndead_letters = \"{name}.dead-letters\"\nstate = \"{name}.state\"\n\
             repartition = \"{name}.repartition\"\n\
             [plugins]\ndir = {plugins:?}\ncache = {cache:?}\naudit = {audit:?}\n\
             [sink.postgres]\nurl = \"{postgres}\"\n\
             [sink.mongodb]\nurl = \"{mongodb}\"\ndatabase = \"{name}\"\n\
             [web]\nlisten = \"{address}\"\n{more}"
        );
        // Whole at any moment: another host of this world may be reading it.
        let mut next = tempfile::NamedTempFile::new_in(self.folder.path()).unwrap();
        next.write_all(text.as_bytes()).unwrap();
        next.persist(&path).unwrap();
        path
    }

    pub(crate) fn wattdog(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattdog"));
        match self.log_levels {
            Some(levels) => command.env("WATTDOG_LOG", levels),
            None => command.env_remove("WATTDOG_LOG"),
        };
        command.envs(self.variables.iter().cloned());
        command
    }

    /// What a command says that asks the running program, and its configuration where it takes one.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let output = self.asked(arguments);
        assert!(output.status.success(), "wattdog {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn asked(&self, arguments: &[&str]) -> Output {
        let config = self.folder.path().join("wattdog.toml");
        self.wattdog().args(arguments).env("WATTDOG_URL", self.page()).env("WATTDOG_CONFIG", config).output().unwrap()
    }

    /// Where its page is.
    pub(crate) fn page(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What Prometheus would read of the running program.
    pub(crate) fn metrics(&self) -> String {
        self.told("/metrics").unwrap()
    }

    /// The running program's answer, where it gives one.
    pub(crate) fn told(&self, path: &str) -> Option<String> {
        wattdog::web::client::get(&self.address, path, None).ok()
    }

    /// The partitions that the running program has, ready or not.
    pub(crate) fn lanes(&self) -> Option<usize> {
        let status: serde_json::Value = serde_json::from_slice(&self.asked(&["status", "--json"]).stdout).ok()?;
        Some(status["lanes"].as_array()?.len())
    }

    /// Runs a command of the program to its good end.
    pub(crate) fn run(&self, arguments: &[&str]) {
        let status = self.wattdog().args(arguments).status().unwrap();
        assert!(status.success(), "wattdog {arguments:?}: {status}");
    }

    /// `count` readings of the generator, in a file.
    pub(crate) fn readings(&self, count: u32) -> PathBuf {
        let file = self.folder.path().join("readings.jsonl");
        let count = count.to_string();
        let start = "2025-12-04T00:00:00Z";
        self.run(&["generate", "readings", "--count", &count, "--start", start, "--output", file.to_str().unwrap()]);
        file
    }

    /// What is no reading, in a file.
    pub(crate) fn broken_line(&self) -> PathBuf {
        let file = self.folder.path().join("broken.jsonl");
        std::fs::write(&file, "{\"building\":\"Building A\"}\n").unwrap();
        file
    }

    pub(crate) fn replay(&self, file: &Path) {
        self.run(&["replay", "--send-broken", "--bootstrap", &self.kafka, "--topic", &self.name, file.to_str().unwrap()]);
    }

    pub(crate) fn start(&self) -> Running {
        self.start_as(&self.name)
    }

    /// As another consumer group, which has read nothing yet.
    pub(crate) fn start_as(&self, group: &str) -> Running {
        self.start_so(group, &[])
    }

    /// With variables that go over the configuration.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> Running {
        self.start_so(&self.name, variables)
    }

    fn start_so(&self, group: &str, variables: &[(&str, &str)]) -> Running {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = self.wattdog();
        command.arg("run").arg("--config").arg(self.config(group)).stdout(log.try_clone().unwrap()).stderr(log);
        command.envs(variables.iter().copied());
        Running { child: command.spawn().unwrap(), address: self.address.clone() }
    }

    /// One of several hosts, with a name of its own in the group, so that it has its partitions back at once after it was killed.
    /// `crash_at`: where in the code it is to be killed.
    pub(crate) fn start_host(&self, name: &str, crash_at: Option<&str>) -> Running {
        let folder = self.folder.path();
        let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
        let mut command = self.wattdog();
        command.arg("run").arg("--config").arg(self.config(&self.name)).env("WATTDOG__KAFKA__INSTANCE", name);
        let address = free_address();
        command.env("WATTDOG__WEB__LISTEN", &address).env("WATTDOG__PLUGINS__AUDIT", self.audit_of(name));
        if let Some(place) = crash_at {
            command.env("WATTDOG_CRASH_AT", place);
        }
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Running { child, address }
    }

    /// A second host of the same group.
    pub(crate) fn start_beside(&self) -> Running {
        let folder = self.folder.path();
        let log = std::fs::File::create(folder.join("log-beside")).unwrap();
        let mut command = self.wattdog();
        let address = free_address();
        command.arg("run").arg("--config").arg(self.config(&self.name)).env("WATTDOG__WEB__LISTEN", &address);
        command.env("WATTDOG__PLUGINS__AUDIT", folder.join("audit-beside.jsonl")).stdout(log.try_clone().unwrap()).stderr(log);
        Running { child: command.spawn().unwrap(), address }
    }

    pub(crate) async fn postgres(&self) -> PgPool {
        eventually("PostgreSQL has its tables", async || {
            let pool = PgPool::connect(&self.postgres).await.ok()?;
            sqlx::query("SELECT 1 FROM anomalies LIMIT 1").execute(&pool).await.ok()?;
            Some(pool)
        })
        .await
    }

    pub(crate) async fn mongodb(&self, collection: &str) -> mongodb::Collection<Document> {
        let client = mongodb::Client::with_uri_str(&self.mongodb).await.unwrap();
        client.database(&self.name).collection(collection)
    }
}

/// Ends all tests when the world of this folder is there for too long, and shows what its program said.
#[expect(clippy::print_stderr, reason = "nobody else tells of a test that hangs")]
fn end_with(name: &str, folder: &Arc<tempfile::TempDir>) {
    let (name, folder) = (name.to_owned(), Arc::downgrade(folder));
    std::thread::spawn(move || {
        std::thread::sleep(LONGEST_TEST);
        if let Some(folder) = folder.upgrade() {
            let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            eprintln!("the test of world `{name}` is not over after {LONGEST_TEST:?}; its program said:\n{log}");
            std::process::exit(1);
        }
    });
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "still not true after {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
