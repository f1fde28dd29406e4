//! What kind of machine a benchmark ran on, from what the kernel tells without any program's help.

use std::fs;

use crate::api::benchmarks::Machine;

/// Of the machine Ollama runs on, which is known only where it is this one.
pub fn of_the_server(is_here: bool) -> Machine {
    if !is_here {
        return Machine::default();
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    Machine {
        is_here,
        processor: field(&read("/proc/cpuinfo"), "model name"),
        threads: std::thread::available_parallelism().ok().and_then(|threads| u32::try_from(threads.get()).ok()),
        memory_bytes: field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
            .map(|kib| kib * 1024),
        graphics: graphics(),
    }
}

/// Cards whose driver tells its name: NVIDIA's, and those of the kernel that have one.
fn graphics() -> Vec<String> {
    let nvidia = fs::read_dir("/proc/driver/nvidia/gpus").into_iter().flatten().flatten();
    let named = nvidia.filter_map(|card| field(&fs::read_to_string(card.path().join("information")).ok()?, "Model"));
    let others = fs::read_dir("/sys/class/drm").into_iter().flatten().flatten();
    let product = others.filter_map(|card| fs::read_to_string(card.path().join("device/product_name")).ok());
    let mut all: Vec<String> =
        named.chain(product.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())).collect();
    all.sort_unstable();
    all
}

/// The first `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = lines.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned());
    values.find(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_another_machine_nothing_is_said() {
        assert_eq!(of_the_server(false), Machine::default());
        assert!(of_the_server(true).threads.is_some_and(|threads| threads > 0));
    }

    #[test]
    fn fields_are_found_as_the_kernel_writes_them() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 3.0GHz\nmodel name\t: other\nMemTotal:       16 kB\n";
        assert_eq!(field(text, "model name").as_deref(), Some("Some CPU @ 3.0GHz"));
        assert_eq!(field(text, "MemTotal").as_deref(), Some("16 kB"));
        assert_eq!(field(text, "nothing"), None);
    }
}
