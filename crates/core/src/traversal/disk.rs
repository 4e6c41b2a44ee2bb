//! Whether the disk below a directory has an arm.

use super::lister::Identity;

/// Whether the device that a directory is on says that it rotates. Virtual disks often say so as
/// well; file systems without a device of their own do not.
#[cfg(target_os = "linux")]
pub(super) fn rotates(directory: &Identity) -> bool {
    let device = directory.device;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    // A partition has no queue, the disk that it is a part of has.
    ["", "../"].iter().any(|of| {
        let path = format!("/sys/dev/block/{major}:{minor}/{of}queue/rotational");
        std::fs::read(path).is_ok_and(|says| says.starts_with(b"1"))
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn rotates(_: &Identity) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_device_says_whether_it_rotates() {
        let is_told = |device| rotates(&Identity { device, inode: 2 });
        assert!(!is_told(rustix::fs::makedev(0, 1 << 19)));
        let Ok(disks) = std::fs::read_dir("/sys/dev/block") else { return };
        for disk in disks.map(|disk| disk.unwrap()) {
            let name = disk.file_name().into_string().unwrap();
            let (major, minor) = name.split_once(':').unwrap();
            let device = rustix::fs::makedev(major.parse().unwrap(), minor.parse().unwrap());
            if let Ok(says) = std::fs::read_to_string(disk.path().join("queue/rotational")) {
                assert_eq!(is_told(device), says.trim() == "1", "{name}");
            }
        }
    }
}
