//! Points and lengths of time as people write them. UTC throughout.

use im2_model::Millis;

const DAY: u64 = 86_400;

/// `90s`, `30m`, `12h`, `7d` in milliseconds.
pub(super) fn lifetime(text: &str) -> Result<Millis, String> {
    let wrong = || "a number with a unit: 90s, 30m, 12h or 7d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => DAY,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds * 1_000).filter(|millis| *millis > 0).ok_or_else(wrong)
}

/// `2026-01-31`.
pub(super) fn date(at: Millis) -> String {
    let (year, month, day) = civil(at / 1_000 / DAY);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-01-31 12:00 UTC`.
pub(super) fn date_time(at: Millis) -> String {
    let minutes = at / 60_000 % (24 * 60);
    format!("{} {:02}:{:02} UTC", date(at), minutes / 60, minutes % 60)
}

/// The Gregorian date of a day since the epoch. Counts in years that begin in March, so that the leap day is the
/// last day of one, from 0000-03-01, in eras of 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let days = days + 719_468;
    let (era, day_of_era) = (days / ERA, days % ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{date, date_time, lifetime};

    #[test]
    fn lifetimes() {
        assert_eq!(
            ["90s", "30m", "12h", "7d"].map(|text| lifetime(text).unwrap()),
            [90_000, 1_800_000, 43_200_000, 604_800_000]
        );
        for bad in ["", "7", "d", "-1d", "7 d", "0s", "1y", "99999999999999999999d", "7日"] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date_time(951_827_696_000), "2000-02-29 12:34 UTC");
        assert_eq!(date(1_767_225_599_999), "2025-12-31");
        assert_eq!(date(1_767_225_600_000), "2026-01-01");
        assert_eq!(date(4_107_542_400_000), "2100-03-01");
    }
}
