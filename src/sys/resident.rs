//! How much memory a process of this user takes.

/// Bytes of physical memory that the process uses now. `None` where the system does not say, or if there is no such process.
#[cfg(target_os = "linux")]
pub(crate) fn resident_bytes_of(process: u32) -> Option<u64> {
    // The file `statm` is shorter, but counts in pages of a size that would have to be asked for.
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = kibibytes.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn resident_bytes_of(_process: u32) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_is_counted() {
        let own = || resident_bytes_of(std::process::id()).unwrap();
        let before = own();
        // Other tests of this process may free some meanwhile.
        let touched = vec![1_u8; 256 << 20];
        assert!(own() > before + (64 << 20), "{before}");
        assert_eq!(touched.last(), Some(&1));
        assert_eq!(resident_bytes_of(u32::MAX), None);
    }
}
