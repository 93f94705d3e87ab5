//! Numbers, alone and by the hundred: each has to come back with all its bits.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashSet, LinkedList, VecDeque};
use std::num::Wrapping;

use serde::{Deserialize, Serialize};

use super::{crosses, reread};

#[test]
fn integers() {
    for v in [
        0,
        1,
        -1,
        127,
        128,
        -128,
        -129,
        i64::MAX as i128,
        i64::MIN as i128,
        u64::MAX as i128,
    ] {
        for v in [v - 1, v, v + 1, i128::MAX, i128::MIN, i128::MAX - v.abs()] {
            crosses(v);
            crosses(v as u128);
            crosses((
                v as u64, v as i64, v as u32, v as i32, v as u16, v as i16, v as u8, v as i8,
            ));
            crosses((v as usize, v as isize));
        }
    }
    crosses(u128::MAX);
    crosses((true, false, 'a', 'ß', '\0', '\u{10ffff}'));
}

#[test]
fn floats_keep_their_bits() {
    let odd = [
        f32::NAN.to_bits(),
        0x7fa0_0001,
        0xffc1_2345,
        (-0.0f32).to_bits(),
        1,
        f32::MAX.to_bits(),
    ];
    for bits in odd {
        assert_eq!(reread::<f32>(&f32::from_bits(bits)).unwrap().to_bits(), bits);
        let many = vec![f32::from_bits(bits); 3];
        assert_eq!(reread::<Vec<f32>>(&many).unwrap().map_bits(), many.map_bits());
        let queue: VecDeque<f32> = many.iter().copied().collect();
        assert_eq!(
            reread::<VecDeque<f32>>(&queue).unwrap().map_bits(),
            many.map_bits()
        );
    }
    for bits in [
        f64::NAN.to_bits(),
        0x7ff4_0000_0000_0001,
        (-0.0f64).to_bits(),
        1,
        f64::INFINITY.to_bits(),
    ] {
        assert_eq!(reread::<f64>(&f64::from_bits(bits)).unwrap().to_bits(), bits);
        let back = reread::<Vec<f64>>(&vec![f64::from_bits(bits)]).unwrap();
        assert_eq!(back[0].to_bits(), bits);
    }
    assert_eq!(reread::<f64>(&1.5f32).unwrap(), 1.5);
    assert_eq!(reread::<f32>(&7u8).unwrap(), 7.0);
}

trait MapBits {
    fn map_bits(&self) -> Vec<u32>;
}

impl<T> MapBits for T
where
    T: Clone + IntoIterator<Item = f32>,
{
    fn map_bits(&self) -> Vec<u32> {
        self.clone().into_iter().map(f32::to_bits).collect()
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Mixed(
    u8,
    u8,
    u16,
    u32,
    String,
    u8,
    u8,
    (),
    i8,
    i8,
    i64,
    f32,
    f64,
    bool,
    char,
    u8,
    Option<u8>,
);

#[test]
fn collections_of_numbers() {
    macro_rules! each {
        ($($t:ty),*) => {$(
            let all: Vec<$t> = (0..300u32).map(|i| (i * 7919) as $t).collect();
            for n in [0, 1, 2, 127, 128, 129, 300] {
                crosses(all[..n].to_vec());
                crosses(all[..n].iter().copied().collect::<VecDeque<$t>>());
                crosses(all[..n].iter().copied().collect::<LinkedList<$t>>());
                crosses(all[..n].iter().copied().map(Wrapping).collect::<Vec<_>>());
                crosses(all[..n].iter().copied().map(Some).collect::<Vec<_>>());
                crosses((all[..n].to_vec().into_boxed_slice(), vec![all[..n].to_vec(); 2]));
            }
            crosses(vec![<$t>::MIN, <$t>::MAX, 0 as $t]);
            let array: [$t; 32] = std::array::from_fn(|i| all[i]);
            crosses(array);
            crosses(vec![array; 2]);
            crosses([all[0], all[1]]);
            assert_eq!(reread::<Vec<$t>>(&array).unwrap(), array);
            assert_eq!(reread::<[$t; 32]>(&array.to_vec()).unwrap(), array);
        )*};
    }
    each!(
        u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, u128, i128, f32, f64
    );
    crosses((0..300).map(|i| i % 3 == 0).collect::<Vec<bool>>());
    crosses((0..300u16).collect::<BTreeSet<_>>());
    crosses((0..300u64).collect::<HashSet<_>>());
    crosses([[1u8; 16]; 16]);
    crosses([true; 20]);
    crosses(Mixed(
        1,
        2,
        3,
        4,
        "x".into(),
        5,
        6,
        (),
        7,
        -8,
        9,
        1.5,
        2.5,
        true,
        'c',
        1,
        Some(2),
    ));
    // Numbers of one width read as another.
    assert_eq!(reread::<Vec<i64>>(&vec![1u8, 200]).unwrap(), [1, 200]);
    assert_eq!(reread::<Vec<u8>>(&vec![1i64, 200]).unwrap(), [1, 200]);
    assert_eq!(reread::<Vec<f64>>(&vec![1i8, -2]).unwrap(), [1.0, -2.0]);
    assert!(reread::<Vec<u8>>(&vec![-1i8]).is_err());
    assert!(reread::<Vec<u8>>(&vec![256u16]).is_err());
    let heap: BinaryHeap<Reverse<u8>> = [3, 1, 2].into_iter().map(Reverse).collect();
    assert_eq!(
        reread::<BinaryHeap<Reverse<u8>>>(&heap)
            .unwrap()
            .into_sorted_vec(),
        heap.into_sorted_vec()
    );
}
