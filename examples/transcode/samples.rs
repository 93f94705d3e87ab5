//! Something to work on.

use std::{fs, io, path::PathBuf};
use tempfile::TempDir;

pub(crate) struct Samples {
    pub(crate) folder: TempDir,
    pub(crate) files: Vec<PathBuf>,
}

const FILES: u16 = 8;
const SECONDS: u32 = 2;
const RATE: u32 = 22_050;

/// A few tones in a folder that goes with them.
pub(crate) fn make() -> io::Result<Samples> {
    let folder = tempfile::Builder::new().prefix("transcode").tempdir()?;
    let file = |number: u16| {
        let path = folder.path().join(format!("tone {number}.wav"));
        fs::write(&path, tone(220.0 * f64::from(number)))?;
        Ok(path)
    };
    let files = (1..=FILES).map(file).collect::<io::Result<_>>()?;
    Ok(Samples { folder, files })
}

/// A WAV file of one channel with 16 bits a sample.
fn tone(hertz: f64) -> Vec<u8> {
    #[allow(clippy::cast_possible_truncation)] // A sample is made to fit.
    let samples = (0..SECONDS * RATE).map(|n| {
        let phase = std::f64::consts::TAU * hertz * f64::from(n) / f64::from(RATE);
        (phase.sin() * 12_000.0) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let length = u32::try_from(data.len()).expect("seconds, not hours");
    let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
    let mut file = b"RIFF".to_vec();
    file.extend(words(&[36 + length]));
    file.extend(b"WAVEfmt ");
    // 16 bytes; PCM and one channel; the rate, in samples and in bytes; 2 bytes and 16 bits a sample.
    file.extend(words(&[16, 1 | 1 << 16, RATE, RATE * 2, 2 | 16 << 16]));
    file.extend(b"data");
    file.extend(words(&[length]));
    file.extend(data);
    file
}
