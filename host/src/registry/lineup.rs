//! What lanes run, as one value that is replaced as a whole.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::columns::{Catalogue, ColumnSource};
use super::load::Loaded;
use super::sidecar::Sidecar;

use wattdog_plugin_runtime::{Kind, Runtime};

/// What a plugin's results are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// They are results.
    Active,
    /// They are stored apart.
    Shadow,
    /// They are for nobody: it is getting to know the meters.
    Warming,
}

/// A loaded plugin in its place.
#[derive(Debug)]
pub struct Plugin {
    loaded: Arc<Loaded>,
    /// What its results are for.
    pub role: Role,
    /// Where each of its inputs comes from.
    pub inputs: Vec<ColumnSource>,
    /// Enrichers: its first column among the enriched ones.
    pub first_output: usize,
}

impl Deref for Plugin {
    type Target = Loaded;

    fn deref(&self) -> &Loaded {
        &self.loaded
    }
}

impl Plugin {
    /// What it was loaded from.
    #[must_use]
    pub fn loaded(&self) -> &Arc<Loaded> {
        &self.loaded
    }

    /// The name in metrics: the plugin's own, and in the shadow of another of that name its file's.
    #[must_use]
    pub fn label(&self) -> String {
        match self.role {
            Role::Active => self.name.clone(),
            Role::Shadow | Role::Warming => format!("{}.shadow", self.file_stem),
        }
    }

    /// One detector, offline.
    ///
    /// # Errors
    /// With the reason why it cannot run.
    pub fn alone(file: &Path, sidecar: &Sidecar, runtime: &Runtime, measures: &[(String, String)]) -> Result<Arc<Self>, String> {
        let loaded = Arc::new(super::load_file(file, sidecar, runtime).map_err(|refusal| refusal.to_string())?);
        let inputs = Catalogue::new(measures).resolve(&loaded.description.inputs)?;
        Ok(Arc::new(Self { loaded, role: Role::Active, inputs, first_output: 0 }))
    }

    fn is_as(&self, loaded: &Arc<Loaded>, role: Role, inputs: &[ColumnSource], first_output: usize) -> bool {
        Arc::ptr_eq(&self.loaded, loaded) && self.role == role && self.inputs == inputs && self.first_output == first_output
    }
}

/// All plugins that run, in the order in which they do.
#[derive(Debug, Default)]
pub struct Lineup {
    /// Counts up.
    pub generation: u64,
    /// In the order in which they run.
    pub enrichers: Vec<Arc<Plugin>>,
    /// By file name; active ones and others.
    pub detectors: Vec<Arc<Plugin>>,
    /// Every column that a plugin can read.
    pub catalogue: Catalogue,
}

/// A plugin that is to run.
pub(super) struct Candidate<'a> {
    pub(super) loaded: &'a Arc<Loaded>,
    pub(super) role: Role,
}

impl Lineup {
    /// Puts the candidates in order; those that cannot run now come back with the reason. What stays as it was in `before` is
    /// the same value, so that lanes keep its instance.
    pub(super) fn of(
        before: &Self,
        measures: &[(String, String)],
        mut candidates: Vec<Candidate<'_>>,
    ) -> (Self, Vec<(Arc<Loaded>, String)>) {
        candidates.sort_by_key(|candidate| {
            let loaded = candidate.loaded;
            (loaded.kind() != Kind::Enricher, loaded.sidecar.order, loaded.file_stem.clone())
        });
        let mut lineup = Self { generation: before.generation + 1, catalogue: Catalogue::new(measures), ..Self::default() };
        let mut refused = Vec::new();
        for candidate in candidates {
            if let Err(reason) = lineup.admit(before, &candidate) {
                refused.push((Arc::clone(candidate.loaded), reason));
            }
        }
        (lineup, refused)
    }

    fn admit(&mut self, before: &Self, candidate: &Candidate<'_>) -> Result<(), String> {
        let Candidate { loaded, role } = candidate;
        let twin = self.all().find(|other| other.name == loaded.name && other.role == *role && *role != Role::Warming);
        if let Some(other) = twin {
            let (name, file, version) = (&other.name, &other.file_stem, &other.version);
            return Err(format!(
                "{file}.wasm is plugin `{name}` {version} already, in the same mode; remove one, or change its `mode`"
            ));
        }
        let inputs = self.catalogue.resolve(&loaded.description.inputs)?;
        let is_enricher = loaded.kind() == Kind::Enricher;
        let first_output = if is_enricher { self.catalogue.add_outputs(&loaded.name, &loaded.description.outputs) } else { 0 };
        let same = before.all().find(|plugin| plugin.is_as(loaded, *role, &inputs, first_output)).map(Arc::clone);
        let plugin = same.unwrap_or_else(|| Arc::new(Plugin { loaded: Arc::clone(loaded), role: *role, inputs, first_output }));
        if is_enricher {
            self.enrichers.push(plugin)
        } else {
            self.detectors.push(plugin)
        }
        Ok(())
    }

    /// The enrichers of another lineup, and one of its detectors, whose results count.
    #[must_use]
    pub fn alone(of: &Self, detector: &Plugin) -> Self {
        let Plugin { loaded, inputs, first_output, .. } = detector;
        let detector =
            Plugin { loaded: Arc::clone(loaded), role: Role::Active, inputs: inputs.clone(), first_output: *first_output };
        Self {
            generation: of.generation,
            enrichers: of.enrichers.clone(),
            detectors: vec![Arc::new(detector)],
            catalogue: of.catalogue.clone(),
        }
    }

    /// Enrichers, then detectors.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.enrichers.iter().chain(&self.detectors)
    }

    /// Is it the same in all that a lane can see?
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.all().map(Arc::as_ptr).eq(other.all().map(Arc::as_ptr))
    }
}
