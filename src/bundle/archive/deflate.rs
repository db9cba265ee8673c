//! Deflate (RFC 1951) of streams that arrive in pieces: by ISA-L, which is quickest, or by zlib, which makes them smaller.

use std::io::{self, Write};

use flate2::Compression;

/// Compresses one stream after the other.
pub enum Deflater {
    /// At level 1 and below.
    Quick(Box<isal::write::DeflateEncoder<Vec<u8>>>),
    /// At the other levels.
    Small(flate2::write::DeflateEncoder<Vec<u8>>),
}

impl Deflater {
    /// `level` is 0 to 9; more counts as 9.
    pub fn new(level: u32) -> Self {
        match level {
            0 | 1 => {
                let encoder = isal::write::DeflateEncoder::new(Vec::new(), isal::CompressionLevel::One);
                Deflater::Quick(Box::new(encoder))
            }
            _ => Deflater::Small(flate2::write::DeflateEncoder::new(Vec::new(), Compression::new(level.min(9)))),
        }
    }

    /// Compresses `bytes`; what is ready goes to `out`. Returns its length.
    pub fn write(&mut self, bytes: &[u8], out: &mut impl Write) -> io::Result<u64> {
        match self {
            Deflater::Quick(encoder) => {
                encoder.write_all(bytes)?;
                drain(encoder.get_ref_mut(), out)
            }
            Deflater::Small(encoder) => {
                encoder.write_all(bytes)?;
                drain(encoder.get_mut(), out)
            }
        }
    }

    /// Ends the stream; what is written next begins another one. Returns the length of what was still to be written.
    pub fn finish(&mut self, out: &mut impl Write) -> io::Result<u64> {
        match self {
            Deflater::Quick(encoder) => {
                // Ends the stream, with this library.
                encoder.flush()?;
                drain(encoder.get_ref_mut(), out)
            }
            Deflater::Small(encoder) => {
                let mut rest = encoder.reset(Vec::new())?;
                drain(&mut rest, out)
            }
        }
    }
}

fn drain(ready: &mut Vec<u8>, out: &mut impl Write) -> io::Result<u64> {
    out.write_all(ready)?;
    let length = ready.len() as u64;
    ready.clear();
    Ok(length)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::DeflateDecoder;
    use proptest::prelude::*;

    use super::*;

    fn inflated(deflated: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut decoder = DeflateDecoder::new(deflated);
        decoder.read_to_end(&mut bytes).unwrap();
        assert_eq!(decoder.total_in(), deflated.len() as u64);
        bytes
    }

    proptest! {
        #[test]
        fn streams_come_back(
            level in 0u32..11,
            streams in prop::collection::vec(prop::collection::vec("[ab]{0,400}|\\PC{0,50}", 0..20), 1..4),
        ) {
            let mut deflater = Deflater::new(level);
            for pieces in streams {
                let mut out = Vec::new();
                let mut length = 0;
                for piece in &pieces {
                    length += deflater.write(piece.as_bytes(), &mut out).unwrap();
                }
                length += deflater.finish(&mut out).unwrap();
                prop_assert_eq!(length, out.len() as u64);
                prop_assert_eq!(inflated(&out), pieces.concat().into_bytes());
            }
        }
    }

    #[test]
    fn long_streams_come_back_as_the_same_bytes() {
        let text: Vec<u8> = (0..400_000_u64)
            .flat_map(|n| format!("{};{:x}\n", n, n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into_bytes())
            .collect();
        for level in [1, 6] {
            let mut deflater = Deflater::new(level);
            let mut stream = |block: usize| {
                let mut out = Vec::new();
                for piece in text.chunks(block) {
                    deflater.write(piece, &mut out).unwrap();
                }
                deflater.finish(&mut out).unwrap();
                out
            };
            let first = stream(64 << 10);
            assert_eq!(inflated(&first), text);
            assert_eq!(stream(64 << 10), first);
            assert_eq!(inflated(&stream(1000)), text);
        }
    }
}
