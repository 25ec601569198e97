//! What names of columns mean, in the languages of exports.

/// Lower case, without accents, as words.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for sign in name.chars() {
        if !sign.is_alphanumeric() {
            words.push(String::new());
        } else {
            // `StartTime` is two words.
            if sign.is_uppercase() && before.is_lowercase() {
                words.push(String::new());
            }
            let word = words.last_mut().expect("there is always one");
            sign.to_lowercase().for_each(|sign| match sign {
                'à' | 'á' | 'â' | 'ä' | 'å' | 'ã' => word.push('a'),
                'è' | 'é' | 'ê' | 'ë' => word.push('e'),
                'ì' | 'í' | 'î' | 'ï' => word.push('i'),
                'ò' | 'ó' | 'ô' | 'ö' | 'ø' | 'õ' => word.push('o'),
                'ù' | 'ú' | 'û' | 'ü' => word.push('u'),
                'ç' => word.push('c'),
                'ñ' => word.push('n'),
                'ß' => word.push_str("ss"),
                other => word.push(other),
            });
        }
        before = sign;
    }
    words.retain(|word| !word.is_empty());
    words
}

fn has(words: &[String], any: &[&str]) -> bool {
    words.iter().any(|word| any.contains(&word.as_str()))
}

fn has_part(words: &[String], any: &[&str]) -> bool {
    words.iter().any(|word| any.iter().any(|part| word.contains(part)))
}

/// Which end of an interval a column of times names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Begin,
    End,
    Unsaid,
}

pub(super) fn edge(name: &str) -> Edge {
    let words = words(name);
    if has(&words, &["end", "ending", "to", "until", "tot", "bis", "fin", "fine", "hasta", "ende", "stop", "a"]) {
        Edge::End
    } else if has(
        &words,
        &["start", "begin", "beginning", "from", "van", "von", "debut", "inizio", "inicio", "desde", "de", "ab"],
    ) {
        Edge::Begin
    } else {
        Edge::Unsaid
    }
}

/// True for a name of the reading's time.
pub(super) fn is_time(name: &str) -> bool {
    const TIME: [&str; 24] = [
        "timestamp",
        "time",
        "datetime",
        "date",
        "datum",
        "zeit",
        "zeitstempel",
        "uhrzeit",
        "horodate",
        "horodatage",
        "heure",
        "fecha",
        "hora",
        "data",
        "ora",
        "ts",
        "tijd",
        "tijdstip",
        "changed",
        "epoch",
        "start",
        "dttm",
        "day",
        "tag",
    ];
    has(&words(name), &TIME)
}

/// True for times of the record's own life, as when it was written.
pub(super) fn is_bookkeeping(name: &str) -> bool {
    has(&words(name), &["created", "updated", "inserted", "exported", "received", "ingested", "modified", "loaded", "processed"])
}

/// What a column names: the smaller, the better; none where it names nothing.
pub(super) fn building_rank(name: &str) -> Option<usize> {
    const RANKS: [&[&str]; 4] = [
        &["building", "buildings", "gebaude", "gebaeude", "gebouw", "batiment", "edificio", "byggnad", "bygning", "budova"],
        &["site", "location", "standort", "property", "facility", "house", "home", "premise", "objekt", "liegenschaft", "campus"],
        &[
            "ean",
            "prm",
            "pdl",
            "mpan",
            "mprn",
            "nmi",
            "pod",
            "cups",
            "malo",
            "melo",
            "marktlokation",
            "messlokation",
            "zahlpunkt",
        ],
        &[
            "meter",
            "zahler",
            "zaehler",
            "zahlernummer",
            "compteur",
            "contatore",
            "contador",
            "sensor",
            "device",
            "entity",
            "mater",
        ],
    ];
    const NOT: [&str; 9] = ["reading", "value", "type", "unit", "total", "area", "sqm", "status", "multiplier"];
    let words = words(name);
    if has(&words, &NOT) {
        return None;
    }
    RANKS.iter().position(|rank| has(&words, rank))
}

/// True for a column of meter identifiers.
pub(super) fn is_meter(name: &str) -> bool {
    building_rank(name).is_some_and(|rank| rank >= 2)
}

pub(super) fn is_floor(name: &str) -> bool {
    has(
        &words(name),
        &["floor", "etage", "stockwerk", "geschoss", "level", "storey", "story", "verdieping", "piso", "piano", "stock"],
    )
}

pub(super) fn is_unit_column(name: &str) -> bool {
    has(&words(name), &["unit", "units", "unite", "unites", "eenheid", "einheit", "unidad", "unita", "uom"])
}

pub(super) fn is_value(name: &str) -> bool {
    const VALUE: [&str; 20] = [
        "value",
        "valeur",
        "wert",
        "volume",
        "waarde",
        "valor",
        "valore",
        "reading",
        "consumption",
        "consumed",
        "usage",
        "verbrauch",
        "verbruik",
        "consommation",
        "consumo",
        "quantity",
        "amount",
        "energy",
        "energie",
        "state",
    ];
    has(&words(name), &VALUE)
}

/// True for the first cell of a row that sums up others, and for the name of such a column.
pub(super) fn is_total(text: &str) -> bool {
    const TOTAL: [&str; 22] = [
        "total",
        "totals",
        "totaal",
        "totale",
        "totaux",
        "sum",
        "summe",
        "somme",
        "suma",
        "somma",
        "som",
        "gesamt",
        "gesamtsumme",
        "average",
        "avg",
        "mean",
        "mittelwert",
        "durchschnitt",
        "moyenne",
        "media",
        "subtotal",
        "gemiddelde",
    ];
    const BESIDE: [&str; 8] = ["grand", "all", "overall", "general", "kwh", "value", "consumption", "buildings"];
    let words = words(text);
    has(&words, &TOTAL) && words.iter().all(|word| TOTAL.contains(&word.as_str()) || BESIDE.contains(&word.as_str()))
}

/// True for a number that goes on: what a meter shows.
pub(super) fn is_register(name: &str) -> bool {
    const REGISTER: [&str; 12] = [
        "stand",
        "zahlerstand",
        "zaehlerstand",
        "meterstand",
        "register",
        "index",
        "cumulative",
        "kumuliert",
        "counter",
        "total",
        "lifetime",
        "reading",
    ];
    has(&words(name), &REGISTER)
}

/// What is measured, by the name that a measure gets.
pub(super) fn measure(name: &str) -> Option<&'static str> {
    let words = words(name);
    let joined = words.concat();
    if has_part(&words, &["chilled"]) || joined.contains("coldwater") || joined.contains("kaltwasser") {
        return Some("chilled_water");
    }
    if has_part(&words, &["hotwater", "warmwasser"]) || joined.contains("hotwater") {
        return Some("hot_water");
    }
    if has_part(&words, &["steam", "dampf", "vapeur"]) {
        return Some("steam");
    }
    if has_part(&words, &["fernwarme", "warme", "heating", "chaleur"]) || has(&words, &["heat", "warmte", "calor"]) {
        return Some("heat");
    }
    if has(&words, &["gas", "gaz", "erdgas", "naturalgas", "aardgas"]) || has_part(&words, &["erdgas"]) {
        return Some("gas");
    }
    if has_part(&words, &["export", "einspeis", "injectie", "injection", "production", "generation", "solar", "produktion"])
        || has(&words, &["pv", "returned", "sold"])
    {
        return Some("electricity_out");
    }
    if has_part(&words, &["electri", "elektri", "strom", "elettric", "eletric", "elektra"])
        || has(&words, &["elec", "wirkarbeit"])
    {
        return Some("electricity");
    }
    if has_part(&words, &["water", "wasser", "acqua"]) || has(&words, &["agua", "eau"]) {
        return Some("water");
    }
    None
}

/// The quantity of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    Energy,
    Power,
    Volume,
    /// Known, but without a way to the units of measures.
    Other,
}

/// A unit as configurations write it.
pub(super) fn unit(text: &str) -> Option<(&'static str, Quantity)> {
    let text = text.trim().trim_matches(['(', ')', '[', ']', '{', '}']).trim();
    let exact = match text {
        "MW" => Some(("MW", Quantity::Power)),
        "mW" => Some(("mW", Quantity::Other)),
        "J" => Some(("J", Quantity::Energy)),
        "W" => Some(("W", Quantity::Power)),
        _ => None,
    };
    exact.or_else(|| {
        Some(match &*text.to_lowercase() {
            "wh" => ("Wh", Quantity::Energy),
            "kwh" | "kw h" | "kw-h" | "kw·h" | "kilowatt hours" | "kilowatthours" => ("kWh", Quantity::Energy),
            "mwh" => ("MWh", Quantity::Energy),
            "gwh" => ("GWh", Quantity::Energy),
            "kj" => ("kJ", Quantity::Energy),
            "mj" => ("MJ", Quantity::Energy),
            "gj" => ("GJ", Quantity::Energy),
            "w" | "watt" | "watts" => ("W", Quantity::Power),
            "kw" => ("kW", Quantity::Power),
            "l" | "liter" | "litre" | "liters" | "litres" | "litros" => ("L", Quantity::Volume),
            "hl" => ("hL", Quantity::Volume),
            "m3" | "m³" | "cbm" | "m^3" | "cubic meters" | "cubic metres" => ("m³", Quantity::Volume),
            "gal" | "gallon" | "gallons" => ("gal", Quantity::Volume),
            "ft3" | "ft³" | "cf" => ("ft³", Quantity::Volume),
            "therm" | "therms" => ("therm", Quantity::Other),
            "btu" | "kbtu" | "mmbtu" => ("Btu", Quantity::Other),
            "kvarh" | "kvar" | "kva" | "kvah" | "ccf" | "hcf" | "kgal" | "a" | "v" | "hz" | "°c" | "°f" | "c" | "%" => {
                ("another unit", Quantity::Other)
            }
            _ => return None,
        })
    })
}

/// The unit within a column's name: in brackets, or its last word.
pub(super) fn unit_in(name: &str) -> Option<(&'static str, Quantity)> {
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        let mut rest = name;
        while let Some(start) = rest.find(open) {
            let Some(length) = rest[start..].find(close) else { break };
            if let Some(found) = unit(&rest[start + 1..start + length]) {
                return Some(found);
            }
            rest = &rest[start + length..];
        }
    }
    // A single letter is a unit in brackets only: `Plant C`, `Hall A`.
    let last = name.trim().rsplit([' ', '_', '/', '.', '-', ',', ':']).next().unwrap_or_default();
    if last.chars().count() > 1 { unit(last) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_are_told_apart() {
        for (name, expected) in [
            ("Stromverbrauch (kWh)", Some("electricity")),
            ("Électricité", Some("electricity")),
            ("Electricity:Facility [J](Hourly)", Some("electricity")),
            ("chilledwater", Some("chilled_water")),
            ("Chilled Water", Some("chilled_water")),
            ("hot_water", Some("hot_water")),
            ("water (L)", Some("water")),
            ("Gas", Some("gas")),
            ("steam", Some("steam")),
            ("meter_reading", None),
            ("Volume", None),
        ] {
            assert_eq!(measure(name), expected, "{name}");
        }
        for (name, expected) in [
            ("electricity (kWh)", Some("kWh")),
            ("Electricity:Facility [J](Hourly)", Some("J")),
            ("energy_wh", Some("Wh")),
            ("Usage kWh", Some("kWh")),
            ("Hall A", None),
            ("Plant W", None),
        ] {
            assert_eq!(unit_in(name).map(|(unit, _)| unit), expected, "{name}");
        }
        assert_eq!(building_rank("Meter Number"), Some(3));
        assert_eq!(building_rank("building_id"), Some(0));
        assert_eq!(building_rank("meter_reading"), None);
        assert_eq!(edge("Van (datum)"), Edge::Begin);
        assert_eq!(edge("Tot (tijdstip)"), Edge::End);
        assert!(is_total("Grand Total:") && is_total("Summe") && !is_total("Total Energies HQ") && !is_total("Hall"));
    }
}
