//! How the host's clock is set, as the kernel knows it (adjtimex(2)): a record's times are worth as much.

/// The clock's status in a few words: whether it is synchronized, and by how much it may be wrong.
#[must_use]
pub fn clock() -> String {
    // SAFETY: the struct is of integers alone, for which zeros are values. `modes` is 0, so that the kernel changes nothing and
    // only fills in the struct, which is ours.
    let (state, status) = unsafe {
        let mut status = std::mem::zeroed::<libc::timex>();
        (libc::adjtimex(&raw mut status), status)
    };
    match state {
        -1 => format!("unknown: {}", std::io::Error::last_os_error()),
        libc::TIME_ERROR => "not synchronized".to_owned(),
        _ if status.status & libc::STA_UNSYNC != 0 => "not synchronized".to_owned(),
        _ => format!("synchronized, at most {} ms off", status.maxerror.div_euclid(1000)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_clock_has_a_status() {
        let told = super::clock();
        assert!(told.contains("synchronized") && !told.contains("unknown"), "{told}");
    }
}
