//! Series whose labels are known beforehand begin at 0: a rule cannot see the increase of a counter that begins at 1.

use wattdog_plugin_runtime::Fault;

use super::{FindingLabel, Metrics, PluginLabel, ReasonLabel, SinkLabel, TrapLabel};
use crate::domain::Reason;
use crate::results::Severity;

impl Metrics {
    pub(super) fn begin_reasons(&self) {
        for reason in Reason::ALL {
            let label = ReasonLabel { reason: reason.word().to_owned() };
            self.dead_letters.get_or_create_owned(&label);
            if reason.is_of_reading() {
                self.rejects.get_or_create_owned(&label);
            }
        }
    }

    /// A lane has this plugin; `label`: its name in metrics.
    pub fn begin_plugin(&self, label: &str, is_detector: bool) {
        let of = PluginLabel { plugin: label.to_owned() };
        self.plugin_cpu.get_or_create_owned(&of);
        self.plugin_call.get_or_create_owned(&of);
        self.plugin_memory.get_or_create_owned(&of);
        self.plugin_swaps.get_or_create_owned(&of);
        self.plugin_swap_pause.get_or_create_owned(&of);
        for kind in Fault::OF_CALLS {
            self.plugin_traps.get_or_create_owned(&TrapLabel { plugin: label.to_owned(), kind: kind.to_owned() });
        }
        for severity in Severity::ALL.into_iter().filter(|_| is_detector) {
            self.findings.get_or_create_owned(&FindingLabel { plugin: label.to_owned(), severity: severity.word().to_owned() });
        }
    }

    /// A sink starts. Its lag has no series until it is known.
    pub fn begin_sink(&self, name: &str) {
        let label = SinkLabel { sink: name.to_owned() };
        self.sink_queued.get_or_create_owned(&label);
        self.sink_rows.get_or_create_owned(&label);
        self.sink_away.get_or_create_owned(&label);
        self.sink_deleted.get_or_create_owned(&label);
    }
}
