//! Random numbers, and bytes that were right once.

/// Splitmix64.
pub(crate) struct Random(u64);

/// What lengths and counts break at.
const EDGES: [u64; 12] = [
    0,
    1,
    7,
    0x7f,
    0xff,
    0xffff,
    1 << 20,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 40,
    (1 << 63) - 1,
    u64::MAX,
];

/// A mutation copies at most so many bytes, so often.
const PIECE: u64 = 64;
const TIMES: u64 = 64;

impl Random {
    pub(crate) fn of(seed: u64) -> Self {
        // Neighbours are not to look alike.
        let mut random = Self(seed);
        Self(random.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Any number, small ones and those at the edges more often.
    pub(crate) fn number(&mut self) -> u64 {
        match self.below(4) {
            0 => self.next() >> self.below(64),
            1 => self.below(100),
            2 => self.pick(&EDGES).wrapping_add(self.below(3)).wrapping_sub(1),
            _ => self.next(),
        }
    }

    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length.max(1) as u64)).unwrap_or(0)
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.place(of.len())]
    }

    pub(crate) fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }

    /// An input for who reads such messages: mostly one of them, more or less damaged. `marks` are the bytes that the format
    /// begins things with.
    pub(crate) fn input(&mut self, messages: &[Vec<u8>], marks: u8) -> Vec<u8> {
        match self.below(16) {
            0 => self.bytes(64),
            1 => {
                let length = self.below(200);
                let byte = |random: &mut Self| {
                    let any = random.byte();
                    if random.one_in(4) { any } else { any % marks }
                };
                (0..length).map(|_| byte(self)).collect()
            }
            2 => self.pick(messages).clone(),
            _ => {
                let mut message = self.pick(messages).clone();
                for _ in 0..=self.below(5) {
                    self.damage(&mut message, messages, marks);
                }
                message
            }
        }
    }

    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let from = self.place(bytes.len() + 1);
        let length = usize::try_from(self.below(PIECE)).unwrap_or(0);
        from..(from + length).min(bytes.len())
    }

    fn damage(&mut self, bytes: &mut Vec<u8>, others: &[Vec<u8>], marks: u8) {
        let at = self.place(bytes.len() + 1);
        match self.below(11) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(self.range(bytes))),
            2 => {
                let piece = bytes[self.range(bytes)].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let piece = bytes[self.range(bytes)].to_vec();
                let times = usize::try_from(self.below(TIMES)).unwrap_or(0);
                bytes.splice(at..at, piece.repeat(times));
            }
            4 => {
                let other = self.pick(others);
                let piece = &other[self.range(other)];
                bytes.splice(at..at, piece.iter().copied());
            }
            5 => {
                // A number of variable length, as the wire format has them, up to ten bytes long.
                let mut number = vec![0xff; self.place(10)];
                number.push(self.byte() & 0x7f);
                bytes.splice(at..(at + 1).min(bytes.len()), number);
            }
            6 => {
                let number = self.number().to_le_bytes();
                let length = self.pick(&[2, 4, 8]);
                for (byte, of) in bytes[at..].iter_mut().zip(&number[..*length]) {
                    *byte = *of;
                }
            }
            7 => bytes.insert(at, self.byte() % marks),
            change if at < bytes.len() => {
                bytes[at] = match change {
                    8 => self.byte(),
                    9 => self.byte() % marks,
                    _ => bytes[at] ^ (1 << self.below(8)),
                }
            }
            _ => bytes.push(self.byte()),
        }
    }
}
