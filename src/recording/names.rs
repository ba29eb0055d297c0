//! Names to their places: a table of names is indexed by number.

use super::budget::Purse;
use super::notes::Notes;
use super::row::Named;

/// Puts each name at its number. Numbers that no row gives stay empty: their block was lost.
pub fn place<T: Clone + Default + PartialEq>(
    mut rows: Vec<Named<T>>,
    what: &str,
    memory: &mut Purse,
    gaps: &mut Purse,
    notes: &mut Notes,
) -> Vec<T> {
    // As the writer gives them: nothing has to be moved to another place.
    if rows.iter().zip(1..).all(|(row, id)| row.id == id) {
        rows.insert(0, Named::default());
        return rows.into_iter().map(|row| row.value).collect();
    }
    // Numbers are dense, so an intact file pays for none of the places here; a damaged one for
    // those of the lost names; and one that lies, until its budget is spent.
    let affordable = rows.len() + memory.left().min(gaps.left()) / size_of::<T>();
    let possible = rows.iter().map(|row| row.id as usize).filter(|id| *id <= affordable);
    let highest = possible.max().unwrap_or_default().max(rows.len());
    let gap = (highest - rows.len()) * size_of::<T>();
    let _ = (memory.spend(gap), gaps.spend(gap));
    let mut places = vec![T::default(); highest + 1];
    let (mut impossible, mut twice) = (0_usize, 0_usize);
    for Named { id, value } in rows {
        let at = id as usize;
        match places.get_mut(at) {
            _ if at == 0 => impossible += 1,
            None => impossible += 1,
            Some(place) if *place == T::default() => *place = value,
            Some(place) => twice += usize::from(*place != value),
        }
    }
    if impossible > 0 {
        notes.damage(format!("{impossible} {what} have impossible numbers; they were left out."));
    }
    if twice > 0 {
        notes.damage(format!("{twice} {what} have the number of another; the first one was kept."));
    }
    places
}
