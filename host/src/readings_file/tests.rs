//! Files of `tests/reality` and others like them: how they are understood, or why they are refused.

use std::path::{Path, PathBuf};

use super::*;
use crate::config::load_text;

fn reality(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reality").join(name)
}

fn configured(name: &str) -> Config {
    let text = std::fs::read_to_string(reality(name)).unwrap();
    load_text(&text, name, []).unwrap()
}

/// How many readings there are, and what electricity adds up to.
fn read(path: &Path, config: Option<&Config>) -> anyhow::Result<(u64, f64, Checked, ReadingsFile)> {
    let file = ReadingsFile::open(path, config)?;
    let checked = check(&file, 3_600_000_000, |_| {})?;
    let mut sum: f64 = 0.0;
    let default = Config::default();
    let column = file.input.measures.keys().position(|name| name == "electricity");
    let mut recorded = Recorded::new(config.unwrap_or(&default), &file.input);
    recorded.for_each_batch(
        &file,
        |line| line.to_string(),
        |Taken { batch, .. }| {
            sum += column.map_or(0.0, |column| batch.measures[column].iter().filter(|value| value.is_finite()).sum::<f64>());
            Ok(())
        },
    )?;
    Ok((checked.readings, (sum * 1e6).round() / 1e6, checked, file))
}

fn written(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

/// What a table of these lines is read as.
fn text(content: &str, keys: &str) -> anyhow::Result<(u64, f64, Checked, ReadingsFile)> {
    let (_folder, path) = written("Hall.csv", content.as_bytes());
    let config = (!keys.is_empty()).then(|| load_text(keys, "keys", []).unwrap());
    read(&path, config.as_ref())
}

#[test]
fn files_of_the_real_world_are_read_as_what_they_are() {
    for (name, count, sum, said) in [
        ("11-thousands-separators/us-export.csv", 400, None, "thousands with `,`"),
        ("12-total-row-and-preamble/total.csv", 400, Some(60_163.4), ""),
        ("12-total-row-and-preamble/preamble.csv", 400, Some(60_163.4), "header in line 5"),
        ("13-newest-first-and-meter-after-meter/newest-first.csv", 48, Some(48.0), ""),
        ("21-epoch-numbers-in-files/epoch.jsonl", 400, None, ""),
        ("21-epoch-numbers-in-files/epoch-ms.csv", 400, None, ""),
        ("22-files-that-are-no-lines/METER.CSV", 48, Some(48.0), ""),
        ("22-files-that-are-no-lines/array.json", 48, Some(48.0), "a JSON document"),
        ("22-files-that-are-no-lines/bom.jsonl", 3, Some(15_000.0), ""),
        ("24-tables-as-they-are-exported/latin1.csv", 40, Some(6_780.0), "windows-1252 (guessed)"),
        ("24-tables-as-they-are-exported/semicolon.csv", 96, None, "decimal comma"),
        ("24-tables-as-they-are-exported/preamble-semicolon.csv", 48, Some(10.164), "times 0.5 h is energy"),
        ("24-tables-as-they-are-exported/spaces.csv", 40, Some(6_800.0), "electricity in kWh from `electricity (kWh)`"),
        ("04-names-read-as-numbers/names.csv", 8, Some(40_000.0), ""),
        ("04-names-read-as-numbers/quoted.csv", 8, Some(40_000.0), ""),
    ] {
        let (read, summed, checked, file) = read(&reality(name), None).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(read, count, "{name}: {:?} {:?}", checked.rejected, file.said);
        assert!(sum.is_none_or(|sum: f64| (summed - sum).abs() < 1e-6), "{name}: {summed}");
        assert!(file.said.iter().any(|part| part.contains(said)) || said.is_empty(), "{name}: {:?}", file.said);
        assert!(checked.rejected.is_empty(), "{name}: {:?}", checked.rejected);
    }
}

#[test]
fn files_that_say_too_little_are_refused_with_the_key_that_says_it() {
    for (name, words) in [
        ("24-tables-as-they-are-exported/ampm-utf16.csv", &["`Consumed`", "input.file.columns"][..]),
        ("24-tables-as-they-are-exported/wide.csv", &["`Fox_office_1`", "input.file.wide"]),
        ("24-tables-as-they-are-exported/narrow.csv", &["`meter`", "input.file.narrow"]),
        ("22-files-that-are-no-lines/open-quote.csv", &["line 102", "quote"]),
        ("03-compact-time-stamps/excel-serial.csv", &["`46037.5`", "spreadsheet"]),
        ("26-payloads-of-gateways/framed.bin", &["JSON stands after other text", "schema registry"]),
        ("26-payloads-of-gateways/key-only.keyed", &["JSON stands after other text", "record's key"]),
    ] {
        let error = format!("{:#}", read(&reality(name), None).map(|read| read.3.said).unwrap_err());
        assert!(words.iter().all(|word| error.contains(word)) && !error.contains('\n'), "{name}: {error}");
    }
}

#[test]
fn a_file_without_a_reading_says_why_in_one_line() {
    let why = |content: &str| {
        let (_folder, path) = written("Hall.jsonl", content.as_bytes());
        let file = ReadingsFile::open(&path, None).unwrap();
        let checked = check(&file, 0, |_| {}).unwrap();
        assert_eq!(checked.readings, 0);
        summary::no_reading(&file, &checked)
    };
    let compact = why(r#"{"timestamp":202601151200,"building":"Hall","electricity":5000,"water":9000}"#);
    assert!(compact.contains("input.timestamp_format"), "{compact}");
    let register = why(r#"{"timestamp":"2026-01-15T10:00:00Z","building":"Hall","meter":"M2","total":400}"#);
    assert!(register.contains("`total` does not say what it measures") && !register.contains('\n'), "{register}");
}

#[test]
fn records_of_one_measure_each_are_read() {
    let (count, sum, checked, file) = read(&reality("20-weights-of-what-is-missing/mixed.jsonl"), None).unwrap();
    assert_eq!((count, sum), (11, 120.0), "{:?} {:?}", checked.rejected, file.said);
}

#[test]
fn readings_that_come_twice_where_clocks_go_back_are_said_to() {
    let (.., checked, file) = read(&reality("14-the-hour-that-comes-twice/constant.csv"), None).unwrap();
    let said = summary::lines(&file, &checked).join("\n");
    assert!(said.contains("4 readings of a meter and a time") && said.contains("`input.time_zone`"), "{said}");
    // Twice at another time is no matter of clocks.
    let twice =
        "timestamp,building,electricity,water\n2026-01-15 02:00,Hall,1,2\n2026-01-15 02:00,Hall,1,2\n2026-01-15 02:15,Hall,1,2\n";
    let (.., checked, file) = text(twice, "").unwrap();
    let said = summary::lines(&file, &checked).join("\n");
    assert!(said.contains("1 reading of a meter") && !said.contains("time_zone"), "{said}");
}

#[test]
fn what_a_configuration_sets_is_obeyed() {
    let wide = "[input.file]\nwide = { measure = \"electricity\" }\n";
    let path = reality("24-tables-as-they-are-exported/wide.csv");
    let (count, sum, checked, _) = read(&path, Some(&load_text(wide, "wide", []).unwrap())).unwrap();
    assert_eq!((count, sum, checked.buildings), (71, 2_676.0 + 6_023.0 + 2_208.0, 3));

    let narrow =
        "[input.file]\nnarrow = { column = \"meter\", value = \"meter_reading\", measures = { \"0\" = \"electricity\" } }\n";
    let path = reality("24-tables-as-they-are-exported/narrow.csv");
    let (count, sum, checked, _) = read(&path, Some(&load_text(narrow, "narrow", []).unwrap())).unwrap();
    let electricity = (0..24).map(|hour| 170.0 + 90.0 + 2.0 * f64::from(hour)).sum::<f64>();
    assert_eq!((count, sum, checked.skipped.others.len()), (48, electricity, 48));

    let ampm = "[input.file.columns]\nelectricity = \"Consumed\"\n[input.measures.electricity]\nfield = \"electricity\"\nunit = \"kWh\"\n";
    let path = reality("24-tables-as-they-are-exported/ampm-utf16.csv");
    let (count, sum, checked, file) = read(&path, Some(&load_text(ampm, "ampm", []).unwrap())).unwrap();
    assert_eq!((count, sum, checked.first.unwrap().to_string().as_str()), (24, 9.96, "2026-01-15T00:00:00Z"), "{:?}", file.said);
}

#[test]
fn each_case_is_read_with_its_configuration() {
    for (folder, name, count) in [
        ("03-compact-time-stamps", "compact.csv", 8),
        ("03-compact-time-stamps", "compact.jsonl", 8),
        ("14-the-hour-that-comes-twice", "constant.csv", 100),
        ("15-24-00", "day.csv", 96),
        ("23-stamped-at-the-end", "day.csv", 48),
    ] {
        let config = configured(&format!("{folder}/wattdog.toml"));
        let (read, _, checked, _) = read(&reality(&format!("{folder}/{name}")), Some(&config)).unwrap();
        assert_eq!((read, checked.rejected_count(), checked.doubled), (count, 0, 0), "{folder}: {:?}", checked.rejected);
    }
    let config = configured("03-compact-time-stamps/wattdog.toml");
    let excel = read(&reality("03-compact-time-stamps/excel-serial.csv"), Some(&config));
    assert!(excel.is_err() || excel.is_ok_and(|(count, ..)| count == 0), "days of a spreadsheet are no epoch seconds");
    let config = configured("25-numbers-in-quotes/wattdog.toml");
    assert_eq!(read(&reality("25-numbers-in-quotes/p1.jsonl"), Some(&config)).unwrap().0, 30);
}

const HEADER: &str = "timestamp,building,electricity,water\n";

#[test]
fn wrong_values_are_never_accepted() {
    for (lines, words) in [
        // Decimal commas between commas.
        ("2026-01-15 00:00:00,Hall,150,5,300,2\n2026-01-15 00:15:00,Hall,151,5,301,2\n", "line 2"),
        // The decimal sign changes.
        ("2026-01-15 00:00:00,Hall,150.5,300\n2026-01-15 00:15:00,Hall,\"151,5\",301\n", "input.file.decimal"),
        // One thousand and twelve, or one and a bit.
        ("2026-01-15 00:00:00,Hall,950,300\n2026-01-15 00:15:00,Hall,1.012,301\n", "input.file.decimal"),
        ("2026-01-15 00:00:00,Hall,950,300\n2026-01-15 00:15:00,Hall,\"1,012\",301\n", "input.file.decimal"),
        // A cell that goes on into the next line.
        ("2026-01-15 00:00:00,Hall,150,300\n2026-01-15 00:15:00,\"Hall,151,301\n2026-01-15 00:30:00,Hall\",151,301\n", "line 3"),
        ("03/04/2026 00:00,Hall,150,300\n03/04/2026 00:15,Hall,151,301\n", "input.timestamp_format"),
    ] {
        let error = format!("{:#}", text(&format!("{HEADER}{lines}"), "").map(|read| (read.0, read.1)).unwrap_err());
        assert!(error.contains(words), "{lines}: {error}");
    }
    let headerless = text("2026-01-15 00:00:00,Hall,150,300\n2026-01-15 00:15:00,Hall,151,301\n", "").unwrap_err();
    assert!(headerless.to_string().contains("input.file.header"), "{headerless}");
    let two = "created,measured,building,electricity\n2026-01-15,2026-01-14,Hall,1\n2026-01-16,2026-01-15,Hall,1\n"
        .replace("created", "entered");
    assert!(text(&two, "").unwrap_err().to_string().contains("input.file.columns.timestamp"));
    // Energy in a column of steam is no electricity.
    let steam = "timestamp,building,steam (kWh)\n2026-01-15 00:00:00,Hall,7\n2026-01-15 01:00:00,Hall,8\n";
    let (_, sum, _, file) = text(steam, "").unwrap();
    assert!(sum == 0.0 && file.input.measures.contains_key("steam"));
    let power = "timestamp,building,electricity (kW)\n2026-01-15 00:00:00,Hall,7\n2026-01-15 01:00:00,Hall,8\n";
    assert!(text(power, "").unwrap_err().to_string().contains("input.measures.electricity"));
}

#[test]
fn rows_that_are_no_readings_are_counted_and_named() {
    let rows = "2026-01-15 00:00:00,Hall,1,2\nTotal,,9,9\n2026-01-15 00:15:00,Hall,x,2\ntimestamp,building,electricity,water\n2026-01-15 00:30:00,Hall,3";
    let (count, sum, checked, _) = text(&format!("{HEADER}{rows}"), "").unwrap();
    assert_eq!((count, sum), (1, 1.0));
    assert_eq!((checked.skipped.totals, checked.skipped.others, checked.skipped.cut_off), (vec![3], vec![5], Some(6)));
    assert_eq!(checked.rejected["wrong-type"].lines, [4]);
}

#[test]
fn tables_of_many_countries_are_understood() {
    for (content, count, sum) in [
        ("Zeitstempel;Gebäude;Strom (kWh)\n15.01.2026 00:00;Rathaus;1.012,5\n15.01.2026 00:15;Rathaus;7,25\n", 2, 1_019.75),
        ("Report\nSite: Fox\n\nDate/Time,kWh\n2026-01-15 00:00,1.5\n2026-01-15 00:30,2.5\n", 2, 4.0),
        ("time\tsite\tMWh\n2026-01-15T00:00:00Z\tA\t0.5\n2026-01-15T01:00:00Z\tA\t0.25\n", 2, 750.0),
        ("timestamp;building;electricity\n;;kWh\n2026-01-15T00:00:00Z;A;0,5\n2026-01-15T01:00:00Z;A;0,25\n", 2, 0.75),
        (
            "Start,End,Building,Usage (kWh)\n2026-01-15 00:00,2026-01-15 00:30,A,1\n2026-01-15 00:30,2026-01-15 01:00,A,2\n",
            2,
            3.0,
        ),
    ] {
        let (read, summed, checked, file) = text(content, "").unwrap_or_else(|error| panic!("{content}: {error:#}"));
        assert_eq!((read, summed, checked.rejected_count()), (count, sum, 0), "{content}: {:?}", file.said);
    }
}

#[test]
fn a_file_is_what_its_content_is_and_not_its_name() {
    let table = format!("{HEADER}2026-01-15 00:00:00,Hall,1,2\n2026-01-15 00:15:00,Hall,3,4\n");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, table.as_bytes()).unwrap();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("export/readings.txt", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut zip, table.as_bytes()).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let (_folder, path) = written("c.jsonl", &zip);
    assert_eq!(read(&path, None).unwrap().1, 4.0);
    let (_folder, path) = written("cut.zip", &zip[..zip.len() / 2]);
    assert!(read(&path, None).is_err());
    for (name, content) in [("a.txt", table.clone().into_bytes()), ("b.csv", gz.finish().unwrap())] {
        let (_folder, path) = written(name, &content);
        let (count, sum, ..) = read(&path, None).unwrap();
        assert_eq!((count, sum), (2, 4.0), "{name}");
    }
    for (content, word) in [(&b"PAR1 and so on"[..], "Parquet"), (b"", "empty"), (b"hello\nworld\n", "neither JSON nor a table")]
    {
        let (_folder, path) = written("x", content);
        let error = read(&path, None).map(|read| read.0).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn examples_are_read_by_the_configuration_beside_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/files");
    for (name, count, sum, first) in
        [("home-assistant", 4, 5.0, "2026-01-15T00:00:00Z"), ("energyplus", 24, 300.0, "2017-01-01T00:00:00Z")]
    {
        let text = std::fs::read_to_string(folder.join(name).with_extension("toml")).unwrap();
        let config = load_text(&text, name, []).unwrap();
        let (read, summed, checked, file) = read(&folder.join(name).with_extension("csv"), Some(&config)).unwrap();
        assert_eq!((read, summed), (count, sum), "{name}: {:?} {:?}", checked.rejected, file.said);
        assert_eq!(checked.first.unwrap().to_string(), first, "{name}");
    }
}

/// A workbook of one sheet: text and numbers.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let cell = |text: &&str| match text.parse::<f64>() {
        Ok(number) => format!("<c><v>{number}</v></c>"),
        Err(_) => format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>"),
    };
    let rows = rows.iter().map(|row| format!("<row>{}</row>", row.iter().map(cell).collect::<String>())).collect::<String>();
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let parts = [
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"r1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Daten\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"r1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>")),
    ];
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut zip, text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_sheet_of_a_workbook_is_a_table() {
    let rows: [&[&str]; 3] = [
        &["Zeit", "Geb\u{e4}ude", "Strom (kWh)"],
        &["15.01.2026 00:00", "Rathaus", "1.25"],
        &["15.01.2026 00:15", "Rathaus", "1012"],
    ];
    let (_folder, path) = written("export.csv", &workbook(&rows));
    let (count, sum, _, file) = read(&path, None).unwrap();
    assert_eq!((count, sum), (2, 1_013.25), "{:?}", file.said);
    assert!(file.said.contains(&"sheet `Daten`".to_owned()), "{:?}", file.said);
}

#[test]
fn green_button_is_read_by_the_unit_that_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/files/green-button.xml");
    let (count, sum, checked, file) = read(&path, None).unwrap();
    assert_eq!((count, sum, checked.rejected_count()), (3, 4.5, 0), "{:?}", file.said);
    assert_eq!(checked.first.unwrap().to_string(), "2026-01-15T08:00:00Z");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, words) in [
        ("<uom>72</uom>", "<uom>38</uom>", "uom 38"),
        ("<commodity>1<", "<commodity>7<", "commodity 7"),
        ("<accumulationBehaviour>4<", "<accumulationBehaviour>1<", "register"),
        ("</feed>", "", "cut off"),
    ] {
        let (_folder, path) = written("usage.xml", text.replace(from, to).as_bytes());
        let error = read(&path, None).map(|read| read.0).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
