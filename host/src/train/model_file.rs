//! The model as a file that a person can read, and its threshold in one of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::summary::Trained;

pub(super) fn write(path: &Path, files: &[PathBuf], trained: &Trained<'_>) -> anyhow::Result<()> {
    let Trained { features, units, fitted, settings, rows, left_out } = trained;
    let in_units =
        |scaled: &Vec<f64>| -> Vec<f64> { scaled.iter().enumerate().map(|(d, x)| fitted.mean[d] + x * fitted.std[d]).collect() };
    let centroids: Vec<_> = fitted.centroids_scaled.iter().map(in_units).collect();
    let from: Vec<_> = files.iter().map(|file| file.file_name().unwrap_or_default().to_string_lossy()).collect();
    let model = json!({
        "format": "wattdog-kmeans",
        "format_version": 1,
        "features": features,
        "units": units,
        "mean": fitted.mean,
        "std": fitted.std,
        "k": settings.k,
        "centroids_scaled": fitted.centroids_scaled,
        "centroids": centroids,
        "sizes": fitted.sizes,
        "inertia": fitted.inertia,
        "silhouette": fitted.silhouette,
        "threshold": fitted.threshold,
        "threshold_quantile": settings.quantile,
        "seed": settings.seed,
        "starts": settings.starts,
        "rows": fitted.distances.len(),
        "made": {
            "by": concat!("wattdog train ", env!("CARGO_PKG_VERSION")),
            "from": from,
            "skipped_rows": rows.unusable.records() + left_out.glitch_rows as u64,
            "left_out": left_out.json(rows),
            "small_clusters": trained.small_clusters().collect::<Vec<_>>(),
        },
    });
    write_json(path, &model)?;
    write_json(&path.with_extension("threshold.json"), &json!({ "threshold": fitted.threshold, "quantile": settings.quantile }))
}

/// Whole or not at all: a host may be reading it.
fn write_json(path: &Path, value: &Value) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(cannot)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    writeln!(file, "{value:#}").with_context(cannot)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).with_context(cannot)?;
    }
    file.persist(path).with_context(cannot)?;
    Ok(())
}
