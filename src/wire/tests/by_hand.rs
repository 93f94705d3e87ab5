//! Types whose traits are written by hand, or by two hands that do not quite agree.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::shapes::{External, Inner, Untagged};
use super::{crosses, reread};
/// Lengths announced that are not kept, and none announced at all.
struct Lying(Option<usize>, Vec<String>);

impl Serialize for Lying {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(self.0)?;
        for (i, text) in self.1.iter().enumerate() {
            seq.serialize_element(&(i as u8))?;
            seq.serialize_element(text)?;
        }
        seq.end()
    }
}

struct LyingMap(Option<usize>, u8);

impl Serialize for LyingMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(self.0)?;
        for key in 0..self.1 {
            map.serialize_key(&key)?;
            map.serialize_value(&Some(key))?;
        }
        map.end()
    }
}

struct LyingStruct;

impl Serialize for LyingStruct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Inner", 900)?;
        fields.serialize_field("x", &5u8)?;
        fields.end()
    }
}

#[test]
fn lengths_are_not_believed() {
    for len in [None, Some(0), Some(1), Some(usize::MAX)] {
        let items = vec!["a".to_string(), "b".into()];
        let back: Vec<Untagged> = reread(&Lying(len, items)).unwrap();
        assert_eq!(back[0], Untagged::Number(0));
        assert_eq!(back[3], Untagged::Text("b".into()));
        let map: BTreeMap<u8, Option<u8>> = reread(&LyingMap(len, 3)).unwrap();
        assert_eq!(map, BTreeMap::from([(0, Some(0)), (1, Some(1)), (2, Some(2))]));
    }
    assert_eq!(reread::<Inner>(&LyingStruct).unwrap().x, 5);
}

/// Written as a struct, read as a tuple: all the same to bincode.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(from = "(u8, String)")]
struct FromTuple {
    a: u8,
    b: String,
}

impl From<(u8, String)> for FromTuple {
    fn from((a, b): (u8, String)) -> Self {
        FromTuple { a, b }
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(into = "(u8, String)")]
struct IntoTuple {
    a: u8,
    b: String,
}

impl From<IntoTuple> for (u8, String) {
    fn from(value: IntoTuple) -> Self {
        (value.a, value.b)
    }
}

/// A visitor that changes the elements may have a plain vector for its value: it must see them.
#[derive(Serialize, PartialEq, Debug)]
struct Doubled(Vec<u8>);

impl<'de> Deserialize<'de> for Doubled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Doubler;
        impl<'de> Visitor<'de> for Doubler {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("numbers")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
                let mut all = Vec::new();
                while let Some(next) = seq.next_element::<u8>()? {
                    all.push(next * 2);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(Doubler).map(Doubled)
    }
}

/// Only the method that bincode calls.
struct OnlyI32(i32);

impl<'de> Deserialize<'de> for OnlyI32 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Only;
        impl Visitor<'_> for Only {
            type Value = OnlyI32;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an i32")
            }
            fn visit_i32<E: de::Error>(self, v: i32) -> Result<OnlyI32, E> {
                Ok(OnlyI32(v))
            }
        }
        deserializer.deserialize_i32(Only)
    }
}

#[test]
fn what_bincode_cannot_tell_apart() {
    crosses(FromTuple { a: 1, b: "b".into() });
    crosses(vec![IntoTuple { a: 1, b: "b".into() }; 2]);
    let map = BTreeMap::from([("a".to_string(), 1u8), ("b".into(), 2)]);
    let pairs: Vec<(String, u8)> = reread(&map).unwrap();
    assert_eq!(pairs, [("a".to_string(), 1), ("b".into(), 2)]);
    assert_eq!(reread::<BTreeMap<String, u8>>(&pairs).unwrap(), map);
    assert!(reread::<BTreeMap<u8, u8>>(&vec![1u8, 2]).is_err());
    assert!(reread::<Vec<(String, u8, u8)>>(&map).is_err());
    assert_eq!(reread::<u32>(&External::Two(0, 0)).ok(), None);
    assert_eq!(reread::<u32>(&External::Last).unwrap(), 5);
    assert_eq!(reread::<External>(&0u32).unwrap(), External::Empty);
    reread::<()>(&LyingMap(None, 0)).unwrap();
    assert_eq!(reread::<Doubled>(&vec![1u8, 2]).unwrap(), Doubled(vec![2, 4]));
    assert_eq!(reread::<OnlyI32>(&7i32).unwrap().0, 7);
    assert_eq!(reread::<Vec<OnlyI32>>(&vec![7i32, -7]).unwrap()[1].0, -7);
    assert_eq!(reread::<serde_bytes::ByteBuf>(&vec![1u8, 2]).unwrap(), [1u8, 2]);
    assert_eq!(
        reread::<Vec<u8>>(&serde_bytes::Bytes::new(&[1, 2])).unwrap(),
        [1, 2]
    );
    assert_eq!(reread::<serde_bytes::ByteBuf>(&"ab").unwrap(), b"ab");
    assert_eq!(reread::<String>(&serde_bytes::Bytes::new(b"ab")).unwrap(), "ab");
}

/// Does what `serde_json::value::RawValue` does, which is behind a feature.
#[derive(PartialEq, Debug)]
struct Raw(String);

const RAW: &str = "$serde_json::private::RawValue";

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(RAW, 1)?;
        fields.serialize_field(RAW, &self.0)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyMap;
        impl<'de> Visitor<'de> for OnlyMap {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any valid JSON value")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let entry = map.next_entry::<String, String>()?;
                entry
                    .filter(|(key, _)| key == RAW)
                    .map(|(_, text)| Raw(text))
                    .ok_or_else(|| de::Error::custom("raw"))
            }
        }
        deserializer.deserialize_newtype_struct(RAW, OnlyMap)
    }
}

#[derive(Serialize, Deserialize)]
struct Both {
    #[serde(flatten)]
    inner: Measured,
    pairs: HashMap<(u8, u8), f64>,
}

#[derive(Serialize, Deserialize)]
struct Measured {
    value: f64,
}

#[test]
fn raw_json_and_what_neither_family_takes() {
    crosses(vec![Some(Raw("[1, 2]".into())), None]);
    // Flattening needs a format that tells what comes next, NaN and tuples as keys one that is binary.
    let both = Both {
        inner: Measured { value: f64::NAN },
        pairs: HashMap::from([((1, 2), f64::INFINITY)]),
    };
    let back: Both = reread(&both).unwrap();
    assert!(back.inner.value.is_nan());
    assert_eq!(back.pairs, both.pairs);
}

/// Learns the variant and leaves what it holds.
#[derive(Debug)]
struct Careless;

impl<'de> Deserialize<'de> for Careless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOnly;
        impl<'de> Visitor<'de> for NameOnly {
            type Value = Careless;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an enum")
            }
            fn visit_enum<A: de::EnumAccess<'de>>(self, data: A) -> Result<Careless, A::Error> {
                data.variant::<String>().map(|_| Careless)
            }
        }
        deserializer.deserialize_enum("Careless", &[], NameOnly)
    }
}

#[test]
fn content_that_is_left_is_not_taken_for_the_next_value() {
    reread::<(Careless, u8)>(&(External::Empty, 1)).unwrap();
    let error = reread::<(Careless, u8)>(&(External::One(5), 1)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the content of a variant was not read"),
        "{error}"
    );
}
