//! The process itself, read from /proc at each scrape, under the names that every Prometheus client uses.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Clock ticks a second in /proc. The kernel's interface fixes it at 100 wherever we run, whatever its own clock does.
const TICKS: f64 = 100.0;

/// What is not readable (no Linux, a hidden /proc) is left out.
#[derive(Debug)]
pub(crate) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let resident = read("/proc/self/status").and_then(|status| resident_bytes(&status));
        gauge(&mut encoder, "process_resident_memory_bytes", "Memory in use", resident)?;
        let files = fs::read_dir("/proc/self/fd").ok().map(|files| number(files.count() as u64));
        gauge(&mut encoder, "process_open_fds", "Open file descriptors", files)?;
        let times = read("/proc/self/stat").and_then(|stat| Times::parse(&stat));
        let boot = read("/proc/stat").and_then(|stat| boot_seconds(&stat));
        let started = times.as_ref().zip(boot).map(|(times, boot)| boot + times.start_seconds);
        gauge(&mut encoder, "process_start_time_seconds", "When the process started, since the epoch", started)?;
        if let Some(times) = times {
            let counter = ConstCounter::new(times.cpu_seconds);
            let help = "Processor time spent in user and kernel mode";
            counter.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder, name: &str, help: &str, value: Option<f64>) -> Result<(), fmt::Error> {
    let Some(value) = value else { return Ok(()) };
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

struct Times {
    cpu_seconds: f64,
    /// Since the boot.
    start_seconds: f64,
}

impl Times {
    fn parse(stat: &str) -> Option<Self> {
        // The second field is the name in parentheses, and a name may hold spaces and parentheses itself.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3)?.parse().ok().map(number);
        Some(Self { cpu_seconds: (ticks(14)? + ticks(15)?) / TICKS, start_seconds: ticks(22)? / TICKS })
    }
}

fn resident_bytes(status: &str) -> Option<f64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
    kibibytes.parse().ok().map(|kibibytes: u64| number(kibibytes * 1024))
}

fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok().map(number)
}

/// Exact to 2^53; memory, ticks and seconds stay far below.
#[allow(clippy::cast_precision_loss)]
fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_after_a_name_with_parentheses() {
        let stat = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 1234 20";
        let times = Times::parse(stat).expect("a line of /proc/self/stat");
        assert!((times.cpu_seconds - 2.0).abs() < 1e-9);
        assert!((times.start_seconds - 12.34).abs() < 1e-9);
        assert!(Times::parse("7 (short) S 1").is_none());
    }

    #[test]
    fn memory_and_boot_time_are_read() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
        assert_eq!(resident_bytes("Name:\tx\n"), None);
        assert_eq!(boot_seconds("cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_000.0));
    }
}
