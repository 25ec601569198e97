//! What an error means: the document's fault, or the server's or the way to it.

use mongodb::error::{Error, ErrorKind, IndexedWriteError, InsertManyError, WriteFailure};

use crate::sink::{SinkError, sqlstate};

/// MongoDB's code for a key that is there already.
pub(super) const DUPLICATE_KEY: i32 = 11_000;

/// MongoDB's codes for a document that it does not take: BadValue, FailedToParse, TypeMismatch, Overflow, InvalidBSON, PathNotViable,
/// DollarPrefixedFieldName, DocumentValidationFailure, BSONObjectTooLarge, KeyTooLong, and two more of a document that is too large.
const ABOUT_A_DOCUMENT: [i32; 13] = [2, 9, 14, 15, 22, 28, 52, 121, 10_334, 17_280, 17_419, 17_420, DUPLICATE_KEY];
/// MongoDB's codes for what passes without a change of the document: hosts that cannot be reached, no primary, shutdown, interruption,
/// rights, locks, conflicts, time limits, write concerns, and a disk that is full, which it says of each document.
const ABOUT_THE_SERVER: [i32; 32] = [
    6, 7, 11, 13, 18, 24, 26, 46, 48, 50, 63, 64, 72, 89, 91, 100, 112, 133, 134, 189, 202, 234, 262, 8_000, 9_001, 10_107,
    11_600, 11_601, 11_602, 13_435, 13_436, 14_031,
];

/// The error of any question.
pub(super) fn outside(error: Error) -> SinkError {
    let words = error.kind.to_string();
    match &*error.kind {
        // The driver itself says it of a document that is too large.
        ErrorKind::BsonSerialization(_) | ErrorKind::InvalidArgument { .. } => SinkError::Refused(words),
        ErrorKind::Command(command) => judged(command.code, &command.message, words),
        ErrorKind::Write(WriteFailure::WriteError(error)) => judged(error.code, &error.message, words),
        ErrorKind::InsertMany(refusal) => of_inserts(refusal).unwrap_or(SinkError::Unavailable(words)),
        ErrorKind::Internal { .. } | ErrorKind::InvalidResponse { .. } => SinkError::Unclear(words),
        _ => SinkError::Unavailable(words),
    }
}

/// What is to be done about inserts that failed, apart from those of documents that are there; none where those are all.
pub(super) fn of_inserts(refusal: &InsertManyError) -> Option<SinkError> {
    if let Some(concern) = &refusal.write_concern_error {
        return Some(SinkError::Unavailable(concern.message.clone()));
    }
    let others = refusal.write_errors.iter().flatten().filter(|write| write.code != DUPLICATE_KEY);
    let of_write = |write: &IndexedWriteError| judged(write.code, &write.message, write.message.clone());
    // While the server is at fault, nothing is known of documents.
    others.map(of_write).min_by_key(|error| match error {
        SinkError::Unavailable(_) => 0,
        SinkError::Unclear(_) => 1,
        SinkError::Refused(_) => 2,
    })
}

/// A server that keeps documents in PostgreSQL passes on that database's errors.
fn judged(code: i32, message: &str, words: String) -> SinkError {
    if let Some(code) = sqlstate::within(message) {
        sqlstate::judged(code, words)
    } else if ABOUT_A_DOCUMENT.contains(&code) {
        SinkError::Refused(words)
    } else if ABOUT_THE_SERVER.contains(&code) {
        SinkError::Unavailable(words)
    } else {
        SinkError::Unclear(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_document_nor_the_server_is_blamed_for_the_other() {
        let judged = |code, message: &str| judged(code, message, message.to_owned());
        for (code, message) in
            [(121, "Document failed validation"), (1, "index row size (SQLSTATE 54000)"), (10_334, "too large")]
        {
            assert!(matches!(judged(code, message), SinkError::Refused(_)), "{code}");
        }
        for (code, message) in [(14_031, "out of disk space"), (10_107, "not primary"), (1, "connection lost (SQLSTATE 08006)")] {
            assert!(matches!(judged(code, message), SinkError::Unavailable(_)), "{code}");
        }
        assert!(matches!(judged(1, "something else"), SinkError::Unclear(_)));
    }

    #[test]
    fn a_disk_that_is_full_is_no_fault_of_the_document_beside_it() {
        let refusal: InsertManyError = serde_json::from_value(serde_json::json!({
            "writeErrors": [
                { "index": 0, "code": DUPLICATE_KEY, "errmsg": "there" },
                { "index": 1, "code": 121, "errmsg": "invalid" },
                { "index": 2, "code": 14_031, "errmsg": "full" },
            ],
            "writeConcernError": null,
        }))
        .unwrap();
        assert!(matches!(of_inserts(&refusal), Some(SinkError::Unavailable(words)) if words == "full"));
    }
}
