//! Records of a file as the service is to get them, with time and key.

use super::{Encoder, ReadingsFile, Record};
use crate::config::Input;
use crate::decode::Decoder;
use crate::domain::{EventTime, Message};

/// Gives records in the form of a configuration.
pub(crate) struct Sender<'f> {
    file: &'f ReadingsFile,
    form: Form,
    broken_too: bool,
}

enum Form {
    /// As they are in the file.
    Plain(Box<Decoder>),
    /// Written anew.
    Encoded(Box<Encoder>),
}

impl<'f> Sender<'f> {
    /// `broken_too`: records that are no readings as well.
    pub(crate) fn new(file: &'f ReadingsFile, target: &Input, broken_too: bool) -> Self {
        let form = if file.plain {
            Form::Plain(Box::new(Decoder::new(&file.input)))
        } else {
            Form::Encoded(Box::new(Encoder::new(&file.input, target)))
        };
        Self { file, form, broken_too }
    }

    /// Records for a service that reads them as the file has them.
    pub(crate) fn unchanged(file: &'f ReadingsFile) -> Self {
        Self { file, form: Form::Plain(Box::new(Decoder::new(&file.input))), broken_too: true }
    }

    /// Readings in the default form, under the names of the file's measures.
    pub(crate) fn canonical(file: &'f ReadingsFile) -> Self {
        let mut target = Input::default();
        target.measures.clone_from(&file.input.measures);
        for (name, measure) in &mut target.measures {
            *measure = crate::config::Measure::new(name, &measure.unit);
        }
        Self { file, form: Form::Encoded(Box::new(Encoder::new(&file.input, &target))), broken_too: false }
    }

    /// Gives each record to `take`: its time, its building, its bytes.
    pub(crate) fn for_each(
        &mut self,
        mut take: impl FnMut(Option<EventTime>, &str, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Self { file, form, broken_too } = self;
        let mut buffer = Vec::new();
        let mut decoded = super::encode::Decoded::new(&file.input);
        file.for_each(|Record { json, .. }| match form {
            Form::Plain(decoder) => {
                let reading = decoded.decode(decoder, json);
                if reading.is_none() && !*broken_too {
                    return Ok(());
                }
                let message = Message::of(json);
                let building = decoder.building(&message).unwrap_or_default();
                take(reading, building, json)
            }
            Form::Encoded(encoder) => match encoder.encode(json, &mut buffer) {
                Ok((time, building)) => take(Some(time), building, &buffer),
                Err(_) => Ok(()),
            },
        })?;
        Ok(())
    }
}
