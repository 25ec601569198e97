//! What is sent, and in which order: decided by a pass over all files, before anything is sent.

use anyhow::bail;

use super::{Args, Order, Progress};
use crate::config::{Config, Input, Measure, Window};
use crate::domain::{EventTime, Reason};
use crate::readings_file::{Checked, ReadingsFile, Sender, Sorter, check, summary};

/// Files that were checked.
pub(super) struct Plan {
    files: Vec<(ReadingsFile, Checked)>,
    sorted: bool,
    send_broken: bool,
}

impl Plan {
    /// Reads all files to their ends.
    pub(super) fn make(args: &Args, config: Option<&Config>, target: &Input, progress: &Progress) -> anyhow::Result<Self> {
        let lateness = config.map_or_else(|| Window::default().allowed_lateness, |config| config.window.allowed_lateness);
        let mut files = Vec::new();
        for path in &args.files {
            let file = ReadingsFile::open(path, config)?;
            file.say();
            file.refuse_counters(target)?;
            let lacks = |(name, measure): &(&String, &Measure)| measure.required && !file.input.measures.contains_key(*name);
            for (name, _) in target.measures.iter().filter(lacks) {
                tracing::warn!(
                    "{}: no {name}, which the service's `[input]` requires; `wattdog readings` prints one that fits",
                    path.display()
                );
            }
            let checked = check(&file, lateness.micros(), |read| progress.at("checked", read))?;
            refuse(&file, &checked, args, target)?;
            files.push((file, checked));
        }
        let in_order = files.iter().all(|(_, checked)| checked.out_of_order == 0)
            && files.windows(2).all(|pair| pair[0].1.last <= pair[1].1.first || pair[1].1.first.is_none());
        let all = files.iter().map(|(_, checked)| checked.readings).sum::<u64>();
        let late = files.iter().map(|(_, checked)| checked.late).sum::<u64>();
        let are_tables = files.iter().any(|(file, _)| file.is_table());
        let sorted = match args.order {
            Order::File => false,
            Order::Time => !in_order,
            Order::Auto => !in_order && (are_tables || late * 10 > all || files.len() > 1),
        };
        if sorted {
            tracing::info!("the readings are not in the order of their time: sorted (`--order file` sends them as they are)");
        } else if late > 0 {
            tracing::warn!(
                late,
                "readings are further behind their building's latest than windows wait: sort them with --order time"
            );
        }
        Ok(Self { files, sorted, send_broken: args.send_broken })
    }

    /// Gives each record that is sent to `take`: its time, its key, its bytes.
    pub(super) fn for_each(
        &self,
        target: &Input,
        mut take: impl FnMut(Option<EventTime>, &str, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut sorter = self.sorted.then(Sorter::new);
        let mut last = EventTime::MIN;
        for (file, _) in &self.files {
            Sender::new(file, target, self.send_broken || !file.is_table()).for_each(|time, key, record| match &mut sorter {
                Some(sorter) => {
                    // A record without a time stays behind the one before it.
                    last = time.unwrap_or(last);
                    sorter.push(last, key, record)
                }
                None => take(time, key, record),
            })?;
        }
        match sorter {
            Some(sorter) => sorter.finish(|time, key, record| take(Some(time), key, record)),
            None => Ok(()),
        }
    }

    /// Says what was not sent, and fails where that is something.
    pub(super) fn end(&self) -> anyhow::Result<()> {
        let mut unused = 0;
        for (file, checked) in &self.files {
            for line in summary::lines(file, checked) {
                tracing::warn!("{}: {line}", file.path().display());
            }
            let sends_broken = self.send_broken || !file.is_table();
            unused += if sends_broken { 0 } else { checked.rejected_count() };
            unused += u64::from(checked.skipped.cut_off.is_some());
        }
        match unused {
            0 => Ok(()),
            1 => bail!("1 row was not sent; its reason is above"),
            _ => bail!("{unused} rows were not sent; their reasons are above"),
        }
    }
}

/// A file of which nothing, or less than half, can be read is not sent at all.
fn refuse(file: &ReadingsFile, checked: &Checked, args: &Args, target: &Input) -> anyhow::Result<()> {
    let path = file.path().display();
    if checked.records == 0 {
        bail!("{path} has no readings");
    }
    // Rejected rows of a table stay here.
    if let Some((record, reason)) = checked.nameless.filter(|_| args.send_broken || !file.is_table()) {
        let field = &target.building;
        if reason == Reason::NotJson {
            bail!("line {record} of {path} is not JSON, so it has no building to key it by; nothing was sent");
        }
        bail!(
            "line {record} of {path} has no building to key it by: field `{field}` is missing, empty, or neither text nor a \
             number; name the field with --key (`a.b` where it lies in another), or with `input.building` in --config; nothing was sent"
        );
    }
    let rejected = checked.rejected_count();
    if rejected > checked.readings && !args.send_broken {
        let (reason, most) = checked.rejected.iter().max_by_key(|(_, rejected)| rejected.count).expect("some are rejected");
        bail!(
            "{rejected} of {} records of {path} are no readings, most for the reason `{reason}`: {} (line {}); \
             nothing was sent (--send-broken sends them nevertheless)",
            checked.records,
            most.first,
            most.lines[0]
        );
    }
    Ok(())
}
