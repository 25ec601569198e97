//! What to do about a dead letter.

use super::letter::Letter;

/// One sentence, by kind and reason.
pub(super) fn next_step(letter: &Letter) -> String {
    let place = letter.place();
    if letter.sent_again {
        return "nothing: it was sent again".into();
    }
    let again = format!("restart the host, then `wattdog dead-letters redrive {place}`");
    match (letter.kind.as_str(), letter.reason.as_str()) {
        ("reading", "range") => {
            format!("if the value is right, raise `max` or lower `min` of its measure in `[input.measures]`, {again}")
        }
        ("reading", "missing-field" | "wrong-type") => format!(
            "if messages look like this now, name their fields in `[input]` (`data.meter` and `power[0]` are paths, `@key` is the record's key), or set `required = false` for a measure that may be missing, {again}"
        ),
        ("reading", "timestamp") => {
            format!("set the key of `[input]` that the message names, {again}; if it names none, correct the sender")
        }
        ("reading", "not-json" | "not-utf8") => {
            format!("if the message names a key of `[input]`, set it, {again}; otherwise have the sender write JSON")
        }
        ("reading", "name") => format!(
            "if another field names it better, name that in `[input]`, {again}; otherwise clean names where they are sent"
        ),
        ("reading", "not-finite") => "correct the sender: it should leave a field out where nothing was measured".into(),
        ("reading", "empty") => "nothing, where the sender means no reading; otherwise correct the sender".into(),
        ("reading", "repeat") => format!(
            "nothing: this reading is counted already. If it is of another meter, name more fields in `input.meter`, {again}"
        ),
        ("reading", "oversize") => format!("if it is a reading, raise `input.max_message`, {again}"),
        ("reading", "future") => format!("mend the sender's clock; if the time is right, raise `input.max_future`, {again}"),
        ("reading", "too-many-meters") => {
            format!("if there are as many, raise `input.max_meters`; if not, look at what `input.meter` names, {again}")
        }
        ("reading", "growth") => {
            "if the meter can grow by so much, set `counter.max_rate` of its measure in `[input.measures]` and \
             restart the host; the growth that was real is counted with the meter's next readings"
                .into()
        }
        ("reading", "late") => "one now and then: nothing. Sent again it would be late again; if it is to count, raise \
                                `window.allowed_lateness` and have another `kafka.group` read the input from its beginning, which \
                                writes its windows anew"
            .into(),
        ("reading", _) => format!("correct what the message names, {again}"),
        ("scoring", _) if letter.stage == "enrich" => format!(
            "mend plugin `{}` for what comes; this reading went on without what it adds, and is not sent again",
            letter.plugin
        ),
        ("scoring", _) => format!(
            "mend plugin `{}`, or give it more in its sidecar's `[limits]`, then `wattdog dead-letters redrive {place}`: it alone scores the reading, which is in all other results already",
            letter.plugin
        ),
        ("row", "refused") => format!(
            "change what {} refuses, then `wattdog dead-letters redrive {place}`; the other stores take the row again, once",
            letter.stage
        ),
        ("row", _) => format!("look who else writes to topic `{}`; it is no row of this version", letter.source.topic),
        _ => "nothing is known of it: it is no dead letter of this version".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    #[test]
    fn every_reason_of_a_reading_has_its_own_step() {
        let step = |reason: &str| next_step(&Letter { kind: "reading".into(), reason: reason.into(), ..letter() });
        for reason in Reason::ALL.iter().map(|reason| reason.word()) {
            assert!(!step(reason).contains("no reading under any configuration"), "{reason}");
        }
        for reason in ["missing-field", "timestamp", "not-json", "name"] {
            assert!(step(reason).contains("`[input]`") && step(reason).contains("redrive 0/7"), "{reason}: {}", step(reason));
        }
    }

    fn letter() -> Letter {
        let places = vec![super::super::letter::Place { partition: 0, offset: 7 }];
        Letter { places, ..Letter::default() }
    }
}
