use proptest::prelude::*;

use super::notice::Notice;
use super::page::{Column, PAGE, Shape, packed_values};
use super::*;

fn level(finding: &Finding) -> Level {
    finding.level
}

#[test]
fn age_is_compared_with_what_is_allowed() {
    let day = 86_400.0;
    assert_eq!(level(&backup_age(Some(day), day, true)), Level::Ok);
    assert_eq!(level(&backup_age(Some(day + 1.0), day, true)), Level::Critical);
    assert_eq!(level(&backup_age(Some(day + 1.0), day, false)), Level::Critical);
    assert_eq!(level(&backup_age(None, day, true)), Level::Critical);
    assert_eq!(level(&backup_age(None, day, false)), Level::Warning);
    // The clock was set back.
    assert_eq!(backup_age(Some(-5.0), day, true).message, "the newest good backup is 0 seconds old");
}

#[test]
fn three_failures_are_no_accident() {
    let levels: Vec<Level> = (0..5).map(|count| failures(count, Some("store: why")).level).collect();
    assert_eq!(levels, [Level::Ok, Level::Warning, Level::Warning, Level::Critical, Level::Critical]);
    let one = failures(1, Some("store: why"));
    assert_eq!(one.message, "1 run failed since the newest good backup; the last: store: why");
}

#[test]
fn free_space_is_for_two_runs() {
    let mb = 1 << 20;
    let of = |free| free_space(free * mb, Some(100 * mb)).level;
    assert_eq!((of(141), of(142), of(283), of(284)), (Level::Critical, Level::Warning, Level::Warning, Level::Ok));
    assert_eq!(run_needs(4), 9, "a small one is gone before a piece is full");
    assert_eq!(free_space(0, None).level, Level::Ok);
}

#[test]
fn each_bundle_that_is_not_well_has_a_row() {
    let bundle = |found, noted_missing, damaged| Bundle { id: "x".into(), size: 10, found, noted_missing, damaged };
    let sound = bundle(Some(10), false, false);
    let faulty = [
        (bundle(None, false, false), Level::Warning, "reconcile"),
        (bundle(None, true, false), Level::Warning, "delete"),
        (bundle(Some(9), false, false), Level::Critical, "verify"),
        (bundle(Some(10), false, true), Level::Critical, "verify"),
    ];
    for (bundle, level, next) in &faulty {
        let rows = bundles(&[sound.clone(), bundle.clone()]);
        assert_eq!((rows.len(), rows[0].level), (1, *level), "{bundle:?}");
        assert!(rows[0].next.as_ref().unwrap().contains(next), "{bundle:?}");
    }
    let all: Vec<Bundle> = faulty.iter().map(|faulty| faulty.0.clone()).collect();
    assert_eq!(bundles(&all).len(), faulty.len());
    assert_eq!(bundles(&[sound.clone(), sound])[0].message, "2 bundles of 20 bytes are there");
}

#[test]
fn what_cleanup_leaves_is_for_the_catalog_and_the_rest_for_cleanup() {
    let file = |kept| Stray { name: "f".into(), size: 1, kept, reason: "why".into() };
    let rows = stray_files(&[file(true), file(false)]);
    let told: Vec<_> = rows.iter().map(|row| (row.level, row.message.as_str())).collect();
    assert_eq!(told, [(Level::Warning, "why (1 byte)"); 2]);
    assert!(rows[0].next.as_ref().unwrap().contains("rebuild") && rows[1].next.as_ref().unwrap().contains("cleanup"));
    assert_eq!(stray_files(&[]).iter().map(level).collect::<Vec<_>>(), [Level::Ok]);
}

fn wanted() -> Schedule {
    Schedule { enabled: true, chosen: true, launcher: true, max_age: 10.0, ..Schedule::default() }
}

#[test]
fn what_keeps_automatic_backups_from_being_made_is_critical() {
    let level = |facts: Schedule| schedule(&facts)[0].level;
    assert_eq!(level(Schedule { enabled: false, launcher: false, ..wanted() }), Level::Ok);
    assert_eq!(level(Schedule { chosen: false, ..wanted() }), Level::Critical);
    assert_eq!(level(Schedule { launcher: false, ..wanted() }), Level::Critical);
    let elsewhere = |age| level(Schedule { elsewhere: true, scheduled_age: age, ..wanted() });
    assert_eq!(
        (elsewhere(None), elsewhere(Some(11.0)), elsewhere(Some(9.0))),
        (Level::Warning, Level::Warning, Level::Ok)
    );
}

#[test]
fn each_job_tells_how_its_last_runs_went() {
    let told = |active, succeeded: &[bool], next: Option<&str>| {
        let (succeeded, next) = (succeeded.to_vec(), next.map(str::to_owned));
        let job = Job { active, succeeded, next, name: "j".into(), message: Some("why".into()) };
        schedule(&Schedule { jobs: vec![job], ..wanted() }).remove(0)
    };
    let job = |succeeded: &[bool]| told(Some(true), succeeded, None).level;
    assert_eq!((job(&[]), job(&[true, false, false])), (Level::Ok, Level::Ok));
    assert_eq!((job(&[false]), job(&[false, false, true])), (Level::Warning, Level::Warning));
    assert_eq!(job(&[false, false, false]), Level::Critical);
    for (active, level) in [(None, Level::Critical), (Some(false), Level::Critical), (Some(true), Level::Warning)] {
        let finding = told(active, &[true], Some("type this"));
        assert_eq!((finding.level, finding.next.as_deref()), (level, Some("type this")));
    }
}

#[test]
fn only_damage_of_a_table_is_critical() {
    for code in ["XX000", "XX001", "XX002", "58030", "58P01"] {
        assert_eq!(unread(code), Level::Critical, "{code}");
    }
    for code in ["55P03", "42501", "53200", "0A000", "22023", "P0001"] {
        assert_eq!(unread(code), Level::Warning, "{code}");
    }
}

#[test]
fn numbers_are_said_in_two_units_at_most() {
    let said = [0.4, 59.6, 60.0, 3_661.0, 90_000.0, 86_400.0].map(duration);
    assert_eq!(said, ["0 seconds", "1 minute", "1 minute", "1 hour 1 minute", "1 day 1 hour", "1 day"]);
    assert_eq!([1, 10_239, 10_240, 300 << 20].map(bytes), ["1 byte", "10239 bytes", "10 kB", "300 MB"]);
}

proptest! {
    #[test]
    fn a_notice_is_cut_to_what_fits_and_no_shorter(error in r#"[a"\\\u{1}äé😀]{0,60}"#, limit in 150usize..260) {
        let notice = Notice {
            event: "backup_failed", backup_id: "b".into(), error_code: Some("53100".into()), error: error.clone(),
        };
        let whole = notice.payload("d", |_| true);
        let payload = notice.payload("d", |text| text.len() < limit);
        let parsed: serde_json::Value = serde_json::from_str(&payload).unwrap();
        let told = parsed["error"].as_str().unwrap();
        if whole.len() < limit {
            prop_assert_eq!(told, error);
        } else {
            let kept = told.strip_suffix('…').unwrap();
            prop_assert!(error.starts_with(kept) && payload.len() < limit);
            // The next character, six bytes of JSON at most, would not have fitted.
            prop_assert!(payload.len() + 6 >= limit, "{} of {}", payload.len(), limit);
        }
    }

    /// Random bytes lead nowhere, also where the page's header is sound; and what a page gives to unpack lies on it.
    #[test]
    fn no_page_is_followed_out_of_its_bounds(
        noise in proptest::collection::vec(any::<u8>(), PAGE), texts in proptest::collection::vec("[a-z]{0,90}", 1..30),
        hits in proptest::collection::vec((0..PAGE, any::<u8>()), 0..4), sound in any::<bool>(),
    ) {
        let laid_out = |text: &String| if text.len() > 60 { packed_row(text.as_bytes()) } else { row(text.as_bytes()) };
        let rows: Vec<Vec<u8>> = texts.iter().map(laid_out).collect();
        let mut page: [u8; PAGE] = if sound { heap_page(&rows) } else { noise.try_into().unwrap() };
        if sound && hits.is_empty() {
            let packed = texts.iter().filter(|text| text.len() > 60).count();
            prop_assert_eq!(packed_values(&page, &shape()).map(|places| places.len()), Ok(packed));
        }
        for (at, byte) in hits {
            page[at] = byte;
        }
        for place in packed_values(&page, &shape()).unwrap_or_default() {
            let header = u32::from_ne_bytes(page[place..place + 4].try_into().unwrap());
            prop_assert!(header & 3 == 2 && place % 4 == 0, "{header:x} at {place}");
            prop_assert!(header >> 2 >= 8 && place + (header >> 2) as usize <= PAGE, "{header:x} at {place}");
        }
    }
}

/// An int, and a text, with a table of values out of line.
fn shape() -> Shape {
    let columns = vec![Column { length: 4, alignment: 4 }, Column { length: -1, alignment: 4 }];
    Shape { columns, toast: 4711 }
}

/// A page with these rows, as the server lays them out.
fn heap_page(rows: &[Vec<u8>]) -> [u8; PAGE] {
    let mut page = [0; PAGE];
    let mut upper = PAGE;
    for (index, row) in rows.iter().enumerate() {
        upper = (upper - row.len()) / 8 * 8;
        page[upper..upper + row.len()].copy_from_slice(row);
        let pointer = upper as u32 | 1 << 15 | (row.len() as u32) << 17;
        page[24 + 4 * index..28 + 4 * index].copy_from_slice(&pointer.to_ne_bytes());
    }
    for (at, value) in [(12, 24 + 4 * rows.len()), (14, upper), (16, PAGE)] {
        page[at..at + 2].copy_from_slice(&(value as u16).to_ne_bytes());
    }
    page
}

/// A row of an int, and of this in its second column.
fn row_of(value: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let mut row = vec![0; 24];
    row[18] = 2;
    row[22] = 24;
    row.extend(7u32.to_ne_bytes());
    row.extend(value);
    row
}

/// With a text in its short form.
fn row(text: &[u8]) -> Vec<u8> {
    row_of(std::iter::once((text.len() as u8 + 1) << 1 | 1).chain(text.iter().copied()))
}

/// With a text that says it is packed.
fn packed_row(text: &[u8]) -> Vec<u8> {
    let header = ((text.len() as u32 + 8) << 2 | 2).to_ne_bytes();
    row_of(header.into_iter().chain(1000u32.to_ne_bytes()).chain(text.iter().copied()))
}

/// With a text out of line, in this table.
fn external_row(toast: u32) -> Vec<u8> {
    row_of([1, 18].into_iter().chain([0; 12]).chain(toast.to_ne_bytes()))
}

#[test]
fn a_sound_page_has_no_fault_and_each_damage_one() {
    let sound = heap_page(&[row(b"one"), row(b"two")]);
    let fault = |page: &[u8; PAGE]| packed_values(page, &shape()).unwrap_err();
    assert_eq!(packed_values(&sound, &shape()), Ok(vec![]));
    assert_eq!(packed_values(&[0; PAGE], &shape()), Ok(vec![]));
    let second = PAGE - 32 - 32;
    let expect = |at: usize, byte: u8, what: &str| {
        let mut page = sound;
        page[at] = byte;
        assert!(fault(&page).contains(what), "byte {at} = {byte}: {}", fault(&page));
    };
    expect(13, 255, "bounds");
    expect(17, 255, "bounds");
    expect(27, 255, "line 1 points to");
    expect(second + 18, 3, "line 2 has 3 columns, where the table has 2");
    expect(second + 22, 25, "line 2 has its values at byte 25");
    expect(second + 28, 255, "line 2 has a value in column 2 that reaches beyond the row");
    expect(second + 28, 0, "column 2");
    let with_line = |second: u32| {
        let mut page = sound;
        page[28..32].copy_from_slice(&second.to_ne_bytes());
        page
    };
    assert_eq!(fault(&with_line(9 | 2 << 15)), "line 2 is redirected to line 9 of 2");
    assert_eq!(packed_values(&with_line(1 | 2 << 15), &shape()), Ok(vec![]));
    for flags in [0, 2, 3] {
        assert_eq!(fault(&with_line(1 | flags << 15 | 8 << 17)), "line 2 has 8 bytes, though it is no row");
    }
    // Both lines have the same row.
    let first = u32::from_ne_bytes(sound[24..28].try_into().unwrap());
    let mut doubled = with_line(first);
    doubled[14..16].copy_from_slice(&((PAGE - 32) as u16).to_ne_bytes());
    assert_eq!(fault(&doubled), "the page's rows of 64 bytes lie in 32");
}

#[test]
fn a_page_has_no_more_lines_than_rows_fit() {
    let lines = |count: usize| {
        let mut page = [0; PAGE];
        for (at, value) in [(12, 24 + 4 * count), (14, PAGE), (16, PAGE)] {
            page[at..at + 2].copy_from_slice(&(value as u16).to_ne_bytes());
        }
        packed_values(&page, &shape())
    };
    assert_eq!(lines(291), Ok(vec![]));
    assert_eq!(lines(292).unwrap_err(), "the page has 292 lines, and cannot have more than 291");
}

#[test]
fn a_packed_value_has_room_for_its_header_and_one_out_of_line_is_in_the_tables_own_toast() {
    let places = packed_values(&heap_page(&[packed_row(b"abcd")]), &shape());
    assert_eq!(places, Ok(vec![PAGE - 40 + 28]));
    let mut short = packed_row(b"abcd");
    short[28..32].copy_from_slice(&(7u32 << 2 | 2).to_ne_bytes());
    assert!(packed_values(&heap_page(&[short]), &shape()).is_err());
    assert_eq!(packed_values(&heap_page(&[external_row(4711)]), &shape()), Ok(vec![]));
    assert!(packed_values(&heap_page(&[external_row(4712)]), &shape()).is_err());
    let none = Shape { toast: 0, ..shape() };
    assert!(packed_values(&heap_page(&[external_row(0)]), &none).is_err());
}
