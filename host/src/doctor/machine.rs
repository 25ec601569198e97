//! The machine: disk, file handles, the page's address.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

use bytesize::ByteSize;
use wattdog_files::PrivateFolder;

use super::Finding;
use crate::config::Config;
use crate::web::client;

/// Below the first it is time to look; below the second a file may not be written to its end.
const SPACE: [ByteSize; 2] = [ByteSize::gib(1), ByteSize::mib(100)];
/// A lane has some ten handles, and each that looks at the page one.
const HANDLES: u64 = 1_024;

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![cache(config), audit(config)];
    findings.extend(config.sink.sqlite.iter().map(|sqlite| space("sqlite's disk", &sqlite.path)));
    findings.push(handles());
    findings.push(address(config).await);
    findings
}

/// Without it a host starts, later.
fn cache(config: &Config) -> Finding {
    const WHAT: &str = "plugin cache";
    const REMEDY: &str = "set `plugins.cache`; until then each start compiles plugins again";
    let Some(folder) = config.plugins.cache_dir() else {
        return Finding::doubtful(WHAT, "no folder is known to be this user's", REMEDY);
    };
    match PrivateFolder::make(&folder) {
        Ok(_) => space(WHAT, &folder),
        Err(error) => Finding::doubtful(WHAT, error.to_string(), REMEDY),
    }
}

fn audit(config: &Config) -> Finding {
    const WHAT: &str = "audit record";
    match config.plugins.audit_file() {
        Ok(file) => space(WHAT, &file),
        Err(words) => Finding::bad(WHAT, words, "set `plugins.audit`; without it no host starts"),
    }
}

/// Of the nearest folder that is there: a host makes the rest.
fn space(what: &str, path: &Path) -> Finding {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let shown = folder.display();
    let free = match rustix::fs::statvfs(folder) {
        Ok(disk) => ByteSize(disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(error) => return Finding::bad(what, format!("{shown} cannot be looked at: {error}"), "mount its disk"),
    };
    if let Err(error) = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK) {
        return Finding::bad(
            what,
            format!("nothing can be written to {shown}: {error}"),
            "give this user the right to write there",
        );
    }
    let words = format!("{free} free in {shown}");
    match free {
        free if free < SPACE[1] => Finding::bad(what, words, "make room on this disk"),
        free if free < SPACE[0] => Finding::doubtful(what, words, "make room on this disk"),
        _ => Finding::good(what, words),
    }
}

fn handles() -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let words = limit.map_or_else(|| "no limit".to_owned(), |limit| format!("up to {limit}"));
    match limit {
        Some(limit) if limit < HANDLES => {
            Finding::doubtful("file handles", words, format!("allow {HANDLES}: `ulimit -n`, or `LimitNOFILE=` of the unit"))
        }
        _ => Finding::good("file handles", words),
    }
}

async fn address(config: &Config) -> Finding {
    let (listen, token) = (&config.web.listen, config.web.token.as_deref());
    let elsewhere = "set `web.listen` to a free address of this machine";
    match tokio::net::TcpListener::bind(listen).await {
        Ok(listener) => {
            let open = listener.local_addr().is_ok_and(|address: SocketAddr| !address.ip().is_loopback());
            if open && token.is_none() {
                let words = format!("everybody who reaches {listen} will see page, readings and metrics");
                return Finding::doubtful("page", words, "set `web.token`");
            }
            Finding::good("page", format!("{listen} is free"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => match client::get(listen, "/healthz", token) {
            Ok(_) => Finding::good("page", format!("a host runs at {listen}")),
            Err(_) => Finding::bad("page", format!("{listen} is taken by another program"), elsewhere),
        },
        Err(error) => Finding::bad("page", format!("cannot listen on {listen}: {error}"), elsewhere),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn the_nearest_folder_is_looked_at_where_the_file_is_still_to_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let finding = space("sqlite's disk", &folder.path().join("to/be/made.db"));
        assert!(finding.words.ends_with(&format!("free in {}", folder.path().display())), "{finding:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_cache_that_others_can_write_to_is_doubtful() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.plugins.cache = Some(folder.path().join("cache"));
        assert_ne!(cache(&config).verdict, Verdict::Bad);
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let finding = cache(&config);
        assert_eq!(finding.verdict, Verdict::Doubtful);
        assert!(finding.words.contains("Incorrect permissions"), "{finding:?}");
    }

    #[tokio::test]
    async fn an_address_that_another_program_has_is_bad_and_one_that_all_can_reach_doubtful() {
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = other.local_addr().unwrap().to_string();
        // Takes a question and ends without an answer.
        std::thread::spawn(move || drop(other.accept()));
        let mut config = Config::default();
        config.web.listen = taken;
        assert_eq!(address(&config).await.verdict, Verdict::Bad);
        config.web.listen = "0.0.0.0:0".into();
        assert_eq!(address(&config).await.verdict, Verdict::Doubtful);
        config.web.token = Some("secret".into());
        assert_eq!(address(&config).await.verdict, Verdict::Good);
    }
}
