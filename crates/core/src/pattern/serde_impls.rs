//! Patterns in other formats, through serde.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json::KEYS;
use super::json_reader::read_value;
use super::json_text::{KEPT_DEPTH, Number, Value};
use super::requirement::{Count, DirectoryRequirement, FileRequirement};
use super::{FileStructurePattern, NameAlternative, NameTest};
use crate::NameGlob;

/// Writes the same as [`to_json`](FileStructurePattern::to_json).
///
/// A glob with a lone surrogate is an error, since serde's strings cannot hold one.
impl Serialize for FileStructurePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [name, files, directories, optional_files, optional_directories, more @ ..] = KEYS;
        let [forbidden_files, forbidden_directories, closed] = more;
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry(name, &self.directory_name())?;
        out.serialize_entry(files, self.files())?;
        out.serialize_entry(directories, self.directories())?;
        out.serialize_entry(optional_files, self.optional_files())?;
        out.serialize_entry(optional_directories, self.optional_directories())?;
        if !self.forbidden_files().is_empty() {
            out.serialize_entry(forbidden_files, self.forbidden_files())?;
        }
        if !self.forbidden_directories().is_empty() {
            out.serialize_entry(forbidden_directories, self.forbidden_directories())?;
        }
        if self.closed() {
            out.serialize_entry(closed, &true)?;
        }
        out.end()
    }
}

/// An item that is itself where nothing is said of numbers, else an object with these.
fn serialize_counted<S: Serializer>(
    serializer: S,
    key: &'static str,
    item: &impl Serialize,
    count: Count,
) -> Result<S::Ok, S::Error> {
    if count.is_default() {
        return item.serialize(serializer);
    }
    let mut out = serializer.serialize_map(None)?;
    out.serialize_entry(key, item)?;
    if count.min() != 1 {
        out.serialize_entry("min", &count.min())?;
    }
    if let Some(max) = count.max() {
        out.serialize_entry("max", &max)?;
    }
    out.end()
}

/// Alternatives as a list, and one as itself.
struct OneOrMore<'p, T>(&'p [T]);

impl<T: Serialize> Serialize for OneOrMore<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => one.serialize(serializer),
            several => serializer.collect_seq(several),
        }
    }
}

impl Serialize for FileRequirement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_counted(serializer, "name", self.test(), self.count())
    }
}

impl Serialize for DirectoryRequirement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_counted(serializer, "directory", &OneOrMore(self.alternatives()), self.count())
    }
}

impl Serialize for NameTest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OneOrMore(self.alternatives()).serialize(serializer)
    }
}

impl Serialize for NameAlternative {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            NameAlternative::Glob(glob) => serialize_glob(glob, serializer),
            NameAlternative::Regex(regex) => {
                let mut out = serializer.serialize_map(Some(1))?;
                out.serialize_entry("regex", regex.as_str())?;
                out.end()
            }
        }
    }
}

fn serialize_glob<S: Serializer>(glob: &NameGlob, serializer: S) -> Result<S::Ok, S::Error> {
    match glob.as_str() {
        Some(text) => serializer.serialize_str(text),
        None => Err(S::Error::custom(format_args!(
            "the glob '{glob}' holds a lone surrogate, which only to_json can write"
        ))),
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

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(i128::from(number).into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(i128::from(number).into()))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::Number(i128::try_from(number).unwrap_or(i128::MAX).into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Number(Number::Float))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Value, E> {
        Ok(Value::Other("a byte string"))
    }

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
