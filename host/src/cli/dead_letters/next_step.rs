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
            "if messages look like this now, name their fields in `[input]`, or set `required = false` for a measure that may be missing, {again}"
        ),
        ("reading", "oversize") => format!("if it is a reading, raise `input.max_message`, {again}"),
        ("reading", "future") => format!("mend the sender's clock; if the time is right, raise `input.max_future`, {again}"),
        ("reading", "too-many-meters") => {
            format!("if there are as many, raise `input.max_meters`; if not, look at what `input.meter` names, {again}")
        }
        ("reading", "late") => format!("if it is to count, raise `window.allowed_lateness`, {again}"),
        ("reading", _) => "mend the sender; it is no reading under any configuration".into(),
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
