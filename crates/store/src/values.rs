//! The values that statements are given and that rows consist of, whichever engine runs them.

use std::borrow::Cow;

use crate::Result;

/// A value of a column or of a parameter. Text and bytes are borrowed from whoever has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A type that a parameter can have.
pub(crate) trait ToValue {
    fn to_value(&self) -> Value<'_>;
}

/// A type that a column can be read as. It may borrow from the row.
pub(crate) trait FromValue<'a>: Sized {
    /// `None` if the column has something else.
    fn from_value(value: Value<'a>) -> Option<Self>;
}

/// The parameters of a statement, `?1` first: a tuple, an array or a slice.
pub(crate) trait Params: Sized {
    /// Tells `bind` of each, in order.
    fn for_each(self, bind: impl FnMut(Value<'_>) -> Result<()>) -> Result<()>;
}

macro_rules! integers {
    ($($type:ty)*) => { $(
        impl ToValue for $type {
            fn to_value(&self) -> Value<'_> {
                Value::Integer(i64::from(*self))
            }
        }

        impl FromValue<'_> for $type {
            fn from_value(value: Value<'_>) -> Option<Self> {
                if let Value::Integer(number) = value { number.try_into().ok() } else { None }
            }
        }
    )* };
}

integers!(i64 u32 u8);

impl ToValue for bool {
    fn to_value(&self) -> Value<'_> {
        Value::Boolean(*self)
    }
}

impl FromValue<'_> for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Boolean(value) => Some(value),
            Value::Integer(number) => Some(number != 0), // SQLite has no others
            _ => None,
        }
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for Cow<'_, str> {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl<'a> FromValue<'a> for &'a str {
    fn from_value(value: Value<'a>) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl FromValue<'_> for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        <&str>::from_value(value).map(Self::from)
    }
}

impl FromValue<'_> for Box<str> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        <&str>::from_value(value).map(Self::from)
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl<const N: usize> ToValue for [u8; N] {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl<'a> FromValue<'a> for &'a [u8] {
    fn from_value(value: Value<'a>) -> Option<Self> {
        if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
    }
}

impl FromValue<'_> for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        <&[u8]>::from_value(value).map(Self::from)
    }
}

impl<const N: usize> FromValue<'_> for [u8; N] {
    fn from_value(value: Value<'_>) -> Option<Self> {
        <&[u8]>::from_value(value)?.try_into().ok()
    }
}

impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        *self
    }
}

impl<'a> FromValue<'a> for Value<'a> {
    fn from_value(value: Value<'a>) -> Option<Self> {
        Some(value)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    fn from_value(value: Value<'a>) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue + ?Sized> ToValue for Box<T> {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> Params for &[T] {
    fn for_each(self, bind: impl FnMut(Value<'_>) -> Result<()>) -> Result<()> {
        self.iter().map(T::to_value).try_for_each(bind)
    }
}

/// No parameters. The array has a type of its own, so that `[]` is of one type only.
impl Params for [Value<'_>; 0] {
    fn for_each(self, _: impl FnMut(Value<'_>) -> Result<()>) -> Result<()> {
        Ok(())
    }
}

impl<T: ToValue> Params for [T; 1] {
    fn for_each(self, mut bind: impl FnMut(Value<'_>) -> Result<()>) -> Result<()> {
        bind(self[0].to_value())
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)+) => {
        #[expect(non_snake_case, reason = "the elements are named after their types")]
        impl<$first: ToValue, $($rest: ToValue),+> Params for ($first, $($rest),+) {
            fn for_each(self, mut bind: impl FnMut(Value<'_>) -> Result<()>) -> Result<()> {
                let ($first, $($rest),+) = &self;
                bind($first.to_value())?;
                $(bind($rest.to_value())?;)+
                Ok(())
            }
        }

        tuples!($($rest)+);
    };
    ($last:ident) => {};
}

tuples!(A B C D E F G H I J K L M N O P);

#[cfg(test)]
mod tests {
    use super::{FromValue, Params, ToValue, Value};

    fn given(params: impl Params) -> Vec<String> {
        let mut given = Vec::new();
        params
            .for_each(|value| {
                given.push(format!("{value:?}"));
                Ok(())
            })
            .unwrap();
        given
    }

    #[test]
    fn parameters_come_in_their_order() {
        assert_eq!(given([]), [""; 0]);
        assert_eq!(given(["one"]), [r#"Text("one")"#]);
        assert_eq!(given(&[1_i64, 2][..]), ["Integer(1)", "Integer(2)"]);
        let (text, bytes) = (String::from("x"), vec![1_u8]);
        let tuple = (1_i64, true, &text, Some(&bytes), None::<&str>, [2_u8; 2], Box::<str>::from("y"));
        let expected =
            ["Integer(1)", "Boolean(true)", r#"Text("x")"#, "Bytes([1])", "Null", "Bytes([2, 2])", r#"Text("y")"#];
        assert_eq!(given(tuple), expected);
    }

    #[test]
    fn a_value_is_read_as_what_it_is_and_as_nothing_else() {
        assert_eq!(i64::from_value(Value::Integer(-7)), Some(-7));
        assert_eq!(u8::from_value(Value::Integer(256)), None);
        assert_eq!(u32::from_value(Value::Integer(-1)), None);
        assert_eq!(bool::from_value(Value::Integer(1)), Some(true));
        assert_eq!(bool::from_value(Value::Boolean(false)), Some(false));
        assert_eq!(bool::from_value(Value::Text("true")), None);
        assert_eq!(<&str>::from_value(Value::Text("text")), Some("text"));
        assert_eq!(<&str>::from_value(Value::Null), None);
        assert_eq!(<[u8; 2]>::from_value(Value::Bytes(&[1, 2])), Some([1, 2]));
        assert_eq!(<[u8; 2]>::from_value(Value::Bytes(&[1])), None);
        assert_eq!(Option::<i64>::from_value(Value::Null), Some(None));
        assert_eq!(Option::<i64>::from_value(Value::Text("1")), None);
        assert_eq!(Value::Real(0.5).to_value(), Value::Real(0.5));
    }
}
