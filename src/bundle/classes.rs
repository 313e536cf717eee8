//! A serializer that changes the strings of a value by their class.

use entra_pg_checks::facts::class::Class;
use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};
use serde_json::{Error, Map, Value, value};
use std::any::type_name;

/// Serializes a value to JSON. `change` receives every string with its class; a string without a class
/// has `None`.
pub(super) fn changed<T: Serialize>(
    value: &T,
    change: &dyn Fn(Option<Class>, &str) -> String,
) -> Result<Value, Error> {
    value.serialize(Walk { change, class: None })
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    change: &'a dyn Fn(Option<Class>, &str) -> String,
    class: Option<Class>,
}

impl Walk<'_> {
    /// The walk into a value. Addresses, times and the tags of enums have their class by their type.
    fn into<T: ?Sized>(self) -> Self {
        let name = type_name::<T>();
        let class = if ["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "IpNet"]
            .iter()
            .any(|address| name.contains(address))
        {
            Some(Class::Address)
        } else if name == "str" || name.contains("jiff::") {
            Some(Class::Word)
        } else {
            self.class
        };
        Self { class, ..self }
    }
}

/// The parts of a list or a structure.
struct Parts<'a> {
    walk: Walk<'a>,
    variant: Option<&'static str>,
    list: Vec<Value>,
    map: Map<String, Value>,
    key: String,
}

impl<'a> Parts<'a> {
    fn new(walk: Walk<'a>, variant: Option<&'static str>) -> Self {
        Self { walk, variant, list: Vec::new(), map: Map::new(), key: String::new() }
    }

    fn push<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.list.push(value.serialize(self.walk.into::<T>())?);
        Ok(())
    }

    fn insert<T: ?Sized + Serialize>(&mut self, key: String, value: &T) -> Result<(), Error> {
        self.map.insert(key, value.serialize(self.walk.into::<T>())?);
        Ok(())
    }

    fn finish(self, value: Value) -> Value {
        match self.variant {
            Some(variant) => Value::Object(Map::from_iter([(variant.to_owned(), value)])),
            None => value,
        }
    }

    fn finish_list(mut self) -> Value {
        let list = Value::Array(std::mem::take(&mut self.list));
        self.finish(list)
    }

    fn finish_map(mut self) -> Value {
        let map = Value::Object(std::mem::take(&mut self.map));
        self.finish(map)
    }
}

macro_rules! plain {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<Value, Error> {
            value::Serializer.$method(value)
        })*
    };
}

impl<'a> Serializer for Walk<'a> {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    plain!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_f32: f32, serialize_f64: f64, serialize_char: char,
        serialize_bytes: &[u8]
    );

    fn serialize_str(self, text: &str) -> Result<Value, Error> {
        Ok(Value::String((self.change)(self.class, text)))
    }

    fn serialize_none(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<Value, Error> {
        value.serialize(self.into::<T>())
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, Error> {
        Ok(Value::String(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        let class = Class::of(name).or(self.class);
        value.serialize(Walk { class, ..self }.into::<T>())
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        let value = value.serialize(self.into::<T>())?;
        Ok(Parts::new(self, Some(variant)).finish(value))
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self, None))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self, None))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self, None))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self, Some(variant)))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self, None))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self, None))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self, Some(variant)))
    }
}

macro_rules! list {
    ($($trait:ident: $method:ident),*) => {
        $(impl $trait for Parts<'_> {
            type Ok = Value;
            type Error = Error;

            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Result<Value, Error> {
                Ok(self.finish_list())
            }
        })*
    };
}

list!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);

macro_rules! structure {
    ($($trait:ident),*) => {
        $(impl $trait for Parts<'_> {
            type Ok = Value;
            type Error = Error;

            fn serialize_field<T: ?Sized + Serialize>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.insert(key.to_owned(), value)
            }

            fn end(self) -> Result<Value, Error> {
                Ok(self.finish_map())
            }
        })*
    };
}

structure!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Parts<'_> {
    type Ok = Value;
    type Error = Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Error> {
        self.key = match key.serialize(value::Serializer)? {
            Value::String(key) => key,
            other => other.to_string(),
        };
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        let key = std::mem::take(&mut self.key);
        self.insert(key, value)
    }

    fn end(self) -> Result<Value, Error> {
        Ok(self.finish_map())
    }
}
