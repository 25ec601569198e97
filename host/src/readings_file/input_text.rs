//! `[input]` as a person writes it: what differs from the defaults.

use toml_edit::{DocumentMut, Item, Table, Value, value};

use crate::config::Input;

/// The tables that say how these records are read.
pub(crate) fn text(input: &Input) -> String {
    let serialised = |input: &Input| -> DocumentMut {
        toml::to_string(input).expect("a configuration is TOML").parse().expect("the library reads what it writes")
    };
    let (ours, default) = (serialised(input), serialised(&Input::default()));
    let mut table = Table::new();
    for (key, item) in ours.iter() {
        let same = default.get(key).is_some_and(|other| other.to_string() == item.to_string());
        match key {
            "file" | "measures" => {}
            "meter" if input.meter == [input.building.clone(), input.floor.clone()] => {}
            _ if !same => drop(table.insert(key, item.clone())),
            _ => {}
        }
    }
    if let Some(file) = ours.get("file") {
        let mut of_file = tabled(file);
        // One line each where that is what people write.
        for key in ["columns", "wide", "narrow"] {
            if let Some(item) = of_file.remove(key) {
                of_file.insert(key, inlined(&item));
            }
        }
        table.insert("file", Item::Table(of_file));
    }
    let mut measures = Table::new();
    measures.set_implicit(true);
    if let Some(Item::Table(all)) = ours.get("measures").map(|item| Item::Table(tabled(item))) {
        for (name, item) in all.iter() {
            let mut measure = tabled(item);
            for (key, default) in
                [("scale", "1.0"), ("kind", "\"interval\""), ("min", "0.0"), ("max", "1000000000.0"), ("required", "true")]
            {
                if measure.get(key).is_some_and(|item| item.to_string().trim() == default) {
                    measure.remove(key);
                }
            }
            measures.insert(name, Item::Table(measure));
        }
    }
    table.insert("measures", Item::Table(measures));
    let mut document = DocumentMut::new();
    document.insert("input", Item::Table(table));
    document.to_string()
}

fn tabled(item: &Item) -> Table {
    item.clone().into_table().unwrap_or_default()
}

fn inlined(item: &Item) -> Item {
    match item.clone().into_value() {
        Ok(Value::InlineTable(mut table)) => {
            table.fmt();
            value(table)
        }
        Ok(other) => value(other),
        Err(item) => item,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Columns, load_text};

    #[test]
    fn what_is_printed_is_read_as_what_it_came_from() {
        let mut input = Input { timestamp_format: Some("%d.%m.%Y %H:%M".into()), ..Input::default() };
        input.file.separator = Some(';');
        input.file.columns.insert("timestamp".into(), Columns::Joined(vec!["Datum".into(), "Zeit (von)".into()]));
        input.measures.retain(|name, _| name == "electricity");
        input.measures.get_mut("electricity").unwrap().sent_in = Some("Wh".into());
        let text = text(&input);
        assert!(text.starts_with("[input]\ntimestamp_format = \"%d.%m.%Y %H:%M\"\n"), "{text}");
        assert!(text.contains("columns = {"), "{text}");
        assert!(!text.contains("max_future") && !text.contains("scale"), "{text}");
        let read = load_text(&text, "printed", []).unwrap().input;
        assert_eq!(toml::Value::try_from(&read).unwrap(), toml::Value::try_from(&input).unwrap(), "{text}");
    }
}
