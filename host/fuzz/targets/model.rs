//! Whatever a model file holds, it is refused or gives a distance that is a number and not negative.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wattdog_kmeans::KMeans;

fuzz_target!(|file: &[u8]| {
    let Ok(model) = KMeans::from_json(file, None) else { return };
    let columns = vec![[150.0, 300.0]; model.features().len()];
    let columns: Vec<&[f64]> = columns.iter().map(|column| column.as_slice()).collect();
    let mut distances = [0.0; 2];
    model.distances(&columns, &mut distances);
    assert!(distances.iter().all(|distance| *distance >= 0.0), "{distances:?}");
});
