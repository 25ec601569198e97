//! A broker that wants TLS, a password and rights, and a database that wants TLS: both with the real servers.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sqlx::PgPool;

use crate::servers::{World, eventually, variable, workspace};

const USER: &str = "wattdog";

fn certificates(world: &World) -> PathBuf {
    let folder = world.folder.path().join("certificates");
    std::fs::create_dir(&folder).unwrap();
    let script = workspace().join("host/tests/secured/certificates.py");
    let status = Command::new(variable("WATTDOG_TEST_PYTHON")).arg(script).arg(&folder).status().unwrap();
    assert!(status.success());
    folder
}

/// What `wattdog doctor` says of one thing: (verdict, words).
fn examined(world: &World, variables: &[(&str, &str)], subject: &str) -> (String, String) {
    let mut doctor = world.wattdog();
    doctor.args(["doctor", "--json", "--config"]).arg(world.folder.path().join("wattdog.toml"));
    let output = doctor.envs(variables.iter().copied()).output().unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let finding = findings.iter().find(|finding| finding["subject"] == subject);
    let finding = finding.unwrap_or_else(|| panic!("nothing of {subject} in {findings:?}"));
    let text = |key: &str| finding[key].as_str().unwrap().to_owned();
    (text("verdict"), text("words"))
}

/// A broker of one test, which asks for more than that of all others.
struct Broker {
    process: Child,
    address: String,
}

impl Broker {
    fn start(world: &World, certificates: &Path) -> Self {
        let folder = world.folder.path().join("kafka");
        std::fs::create_dir(&folder).unwrap();
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (port, controller) = (free(), free());
        let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
        let settings = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT\n\
             inter.broker.listener.name=SASL_SSL\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={module} required username=\"admin\" password=\"admin\";\n\
             ssl.keystore.type=PEM\n\
             ssl.keystore.location={certificates}/server.pem\n\
             ssl.truststore.type=PEM\n\
             ssl.truststore.location={certificates}/authority.pem\n\
             authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             super.users=User:admin;User:ANONYMOUS\n\
             log.dirs={data}\n\
             offsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=3\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=3\n\
             group.initial.rebalance.delay.ms=0\n\
             auto.create.topics.enable=false\n",
            certificates = certificates.display(),
            data = folder.join("data").display(),
        );
        let file = folder.join("server.properties");
        std::fs::write(&file, settings).unwrap();
        let mut format = java();
        format.args(["kafka.tools.StorageTool", "format", "-t", "d2F0dGRvZy10ZXN0cy0xMw", "-c"]).arg(&file);
        for (name, password) in [("admin", "admin"), (USER, "s3cret")] {
            format.args(["--add-scram", &format!("SCRAM-SHA-512=[name={name},password={password}]")]);
        }
        assert!(format.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        let mut kafka = java();
        let process = kafka.arg("kafka.Kafka").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { process, address: format!("127.0.0.1:{port}") }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn java() -> Command {
    let libs = workspace().join("target/services/kafka/libs");
    assert!(libs.is_dir(), "there is no {}; `cargo xtask services up` installs it", libs.display());
    let mut java = Command::new("java");
    java.args(["-Xmx256m", "-cp"]).arg(libs.join("*"));
    java
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_with_tls_a_password_and_rights_is_as_good_as_any() {
    let mut world = World::new("secured_kafka");
    let certificates = certificates(&world);
    let broker = Broker::start(&world, &certificates);
    world.kafka.clone_from(&broker.address);
    let authority = certificates.join("authority.pem");
    let properties = [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", USER),
        ("sasl.password", "s3cret"),
        ("ssl.ca.location", authority.to_str().unwrap()),
    ];
    let table = |properties: &[(&str, &str)]| {
        let fields: Vec<_> = properties.iter().map(|(name, value)| format!("{name:?} = {value:?}")).collect();
        format!("{{ {} }}", fields.join(", "))
    };
    world.configure(&format!(
        "[kafka.properties]\n{}",
        properties.map(|(name, value)| format!("{name:?} = {value:?}\n")).concat()
    ));
    world.write_config();
    eventually("the broker lets the user in", async || (examined(&world, &[], "broker").0 == "good").then_some(())).await;

    let mut wrong = properties;
    wrong[3].1 = "guess";
    let (verdict, words) = examined(&world, &[("WATTDOG__KAFKA__PROPERTIES", &table(&wrong))], "broker");
    assert!(verdict == "bad" && !words.contains("guess"), "{words}");
    let stranger = certificates.join("another.pem");
    wrong = properties;
    wrong[4].1 = stranger.to_str().unwrap();
    assert_eq!(
        examined(&world, &[("WATTDOG__KAFKA__PROPERTIES", &table(&wrong))], "broker").0,
        "bad",
        "signed by nobody that is known"
    );
    assert_eq!(examined(&world, &[], "transactions").0, "bad", "without rights");

    let allow = |which: &[&str]| {
        let mut rights = Command::new(variable("WATTDOG_TEST_PYTHON"));
        rights.arg(workspace().join("host/tests/secured/rights.py")).args(["--bootstrap", &broker.address, "--user", USER]);
        rights.args(["--name", &world.name, "--authority"]).arg(&authority).arg("--rights").args(which);
        assert!(rights.status().unwrap().success());
    };
    allow(&["topics", "transactions"]);
    eventually("transactions are allowed", async || (examined(&world, &[], "transactions").0 == "good").then_some(())).await;

    let file = world.readings(300);
    let given: Vec<_> =
        properties.iter().flat_map(|(name, value)| ["--property".to_owned(), format!("{name}={value}")]).collect();
    let mut replay = vec!["replay", "--bootstrap", &world.kafka, "--topic", &world.name, file.to_str().unwrap()];
    replay.extend(given.iter().map(String::as_str));
    world.run(&replay);

    let mut running = world.start_with(&[("WATTDOG__INPUT__REPARTITION", "never")]);
    eventually("a host that may not join its group ends", async || (!running.lives()).then_some(())).await;
    assert!(world.log().contains("give this user the right to read the input, with its group"), "{}", world.log());
    allow(&["groups"]);
    let running = world.start();
    let postgres = world.postgres().await;
    eventually("all readings are in windows that are stored", async || {
        let sum = "SELECT coalesce(sum(count), 0)::bigint FROM aggregations";
        let readings: i64 = sqlx::query_scalar(sum).fetch_one(&postgres).await.ok()?;
        (readings == 300).then_some(())
    })
    .await;
    assert_eq!(examined(&world, &[], "newest readings").0, "good");
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_tls_is_checked_by_its_certificate() {
    let mut world = World::new("secured_postgres");
    let certificates = certificates(&world);
    let server = PgPool::connect(&world.postgres_server).await.unwrap();
    let data: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&server).await.unwrap();
    let owner = std::fs::metadata(Path::new(&data).join("PG_VERSION")).unwrap();
    for name in ["server.crt", "server.key"] {
        let file = Path::new(&data).join(format!("{}-{name}", world.name));
        std::fs::copy(certificates.join(name), &file).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    let settings = [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")];
    for (setting, name) in settings {
        let set = format!("ALTER SYSTEM SET {setting} = '{}-{name}'", world.name);
        sqlx::query(sqlx::AssertSqlSafe(set)).execute(&server).await.unwrap();
    }
    for statement in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
        sqlx::query(statement).execute(&server).await.unwrap();
    }

    let plain = world.postgres.clone();
    let with = |authority: &str| format!("{plain}?sslmode=verify-full&sslrootcert={}/{authority}", certificates.display());
    world.postgres = with("authority.pem");
    world.replay(&world.readings(30));
    let running = world.start();
    let _tables = world.postgres().await;
    eventually("the way is encrypted", async || {
        let (verdict, words) = examined(&world, &[], "postgres");
        (verdict == "good" && words.contains(", encrypted,")).then_some(())
    })
    .await;
    let (verdict, words) = examined(&world, &[("WATTDOG__SINK__POSTGRES__URL", &with("another.pem"))], "postgres");
    assert_eq!(verdict, "bad", "signed by nobody that is known: {words}");
    running.stop();
    for statement in ["ALTER SYSTEM RESET ssl", "ALTER SYSTEM RESET ssl_cert_file", "ALTER SYSTEM RESET ssl_key_file"] {
        sqlx::query(statement).execute(&server).await.unwrap();
    }
    sqlx::query("SELECT pg_reload_conf()").execute(&server).await.unwrap();
}
