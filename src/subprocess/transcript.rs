//! What a program has written so far, within its limit.

use super::Stream;

#[derive(Debug)]
pub(super) struct Transcript {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Bytes that may still come.
    left: u64,
    over: Option<Stream>,
}

impl Transcript {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            stdout: Vec::new(),
            stderr: Vec::new(),
            left: limit,
            over: None,
        }
    }

    /// Keeps these bytes, as far as they are within the limit.
    pub(super) fn take(&mut self, stream: Stream, bytes: &[u8]) {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.left -= room as u64;
        let kept = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        kept.extend_from_slice(&bytes[..room]);
        if room < bytes.len() {
            self.over.get_or_insert(stream);
        }
    }

    /// The stream that was the first to go over the limit.
    pub(super) fn over(&self) -> Option<Stream> {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn writes() -> impl Strategy<Value = Vec<(bool, Vec<u8>)>> {
        prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..20)), 0..20)
    }

    proptest! {
        /// As if all had been written down and cut behind the limit, in the order it came.
        #[test]
        fn everything_is_kept_up_to_the_limit_and_nothing_behind_it(writes in writes(), limit in 0_usize..200) {
            let mut transcript = Transcript::new(limit as u64);
            let (mut streams, mut first_over, mut total) = ([Vec::new(), Vec::new()], None, 0);
            for (to_stderr, bytes) in &writes {
                let stream = if *to_stderr { Stream::Stderr } else { Stream::Stdout };
                transcript.take(stream, bytes);
                for byte in bytes {
                    total += 1;
                    if total <= limit {
                        streams[usize::from(*to_stderr)].push(*byte);
                    } else {
                        first_over.get_or_insert(stream);
                    }
                }
            }
            prop_assert_eq!(&transcript.stdout, &streams[0]);
            prop_assert_eq!(&transcript.stderr, &streams[1]);
            prop_assert_eq!(transcript.over(), first_over);
        }
    }
}
