//! Patterns in other formats, through serde.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json::{KEYS, read_value};
use super::text::{KEPT_DEPTH, Value};
use super::{FileStructurePattern, NameGlob};

/// Writes the same as [`to_json`](FileStructurePattern::to_json), with all five keys.
///
/// A glob with a lone surrogate is an error, since serde's strings cannot hold one.
impl Serialize for FileStructurePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [directory_name, files, directories, optional_files, optional_directories] = KEYS;
        let mut out = serializer.serialize_struct("FileStructurePattern", KEYS.len())?;
        out.serialize_field(directory_name, &self.directory_name().map(Glob))?;
        out.serialize_field(files, &Globs(self.files()))?;
        out.serialize_field(directories, self.directories())?;
        out.serialize_field(optional_files, &Globs(self.optional_files()))?;
        out.serialize_field(optional_directories, self.optional_directories())?;
        out.end()
    }
}

struct Glob<'p>(&'p NameGlob);

impl Serialize for Glob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.code_points().map(char::from_u32).collect::<Option<String>>() {
            Some(text) => serializer.serialize_str(&text),
            None => Err(S::Error::custom(format_args!(
                "the glob '{}' holds a lone surrogate, which only to_json can write",
                self.0
            ))),
        }
    }
}

struct Globs<'p>(&'p [NameGlob]);

impl Serialize for Globs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Glob))
    }
}

/// Reads the same as [`from_json`](FileStructurePattern::from_json), by the same rules, from
/// any self-describing format. Errors name the place.
///
/// A format may have its own limit on nesting: that of `serde_json` is 128 containers, which
/// are 64 levels of a pattern.
impl<'de> Deserialize<'de> for FileStructurePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = ValueSeed { containers: 0 }.deserialize(deserializer)?;
        read_value(value).map_err(D::Error::custom)
    }
}

/// Reads a [`Value`] that is inside so many containers.
#[derive(Clone, Copy)]
struct ValueSeed {
    containers: usize,
}

impl ValueSeed {
    /// The seed for the values inside this container, if they are kept.
    fn inside(self) -> Option<ValueSeed> {
        (self.containers < KEPT_DEPTH).then_some(ValueSeed { containers: self.containers + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! visit_as {
    ($description:literal: $($visit:ident($type:ty))*) => {$(
        fn $visit<E>(self, _: $type) -> Result<Value, E> {
            Ok(Value::Other($description))
        }
    )*};
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern")
    }

    visit_as!("a boolean": visit_bool(bool));
    visit_as!("a number": visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128) visit_f64(f64));
    visit_as!("a byte string": visit_bytes(&[u8]));

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_str<E>(self, string: &str) -> Result<Value, E> {
        Ok(Value::String(string.chars().map(u32::from).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        match self.inside() {
            Some(seed) => {
                while let Some(item) = seq.next_element_seed(seed)? {
                    items.push(item);
                }
            }
            None => while seq.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        match self.inside() {
            Some(seed) => {
                while let Some(key) = map.next_key::<String>()? {
                    let key = key.chars().map(u32::from).collect();
                    entries.push((key, map.next_value_seed(seed)?));
                }
            }
            None => while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {},
        }
        Ok(Value::Object(entries))
    }
}
