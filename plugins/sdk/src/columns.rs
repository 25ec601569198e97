//! Loops over whole columns, eight values a turn.
//!
//! Every turn of a loop in a guest pays for a look at the host's deadline, and the compiler does not unroll loops for WebAssembly.
//! So a plain loop takes several times as long as one of these; what they compute is the same.

/// Values of one turn.
const TURN: usize = 8;

/// Sets all cells to one value.
pub fn fill<T: Copy>(cells: &mut [T], value: T) {
    let (turns, rest) = cells.as_chunks_mut::<TURN>();
    turns.iter_mut().for_each(|turn| *turn = [value; TURN]);
    rest.fill(value);
}

/// Sets each cell to what the value beside it becomes.
///
/// # Panics
/// If there are not as many values as cells.
pub fn map<A: Copy, T>(cells: &mut [T], values: &[A], becomes: impl Fn(A) -> T) {
    assert_eq!(cells.len(), values.len(), "a value for each cell");
    let (turns, rest) = cells.as_chunks_mut::<TURN>();
    let (values, rest_of_values) = values.as_chunks::<TURN>();
    turns.iter_mut().zip(values).for_each(|(turn, values)| *turn = values.map(&becomes));
    rest.iter_mut().zip(rest_of_values).for_each(|(cell, value)| *cell = becomes(*value));
}

/// Sets each cell to what the two values beside it become.
///
/// # Panics
/// If there are not as many of both values as cells.
pub fn zip<A: Copy, B: Copy, T>(cells: &mut [T], one: &[A], other: &[B], becomes: impl Fn(A, B) -> T) {
    assert_eq!((cells.len(), cells.len()), (one.len(), other.len()), "two values for each cell");
    let (turns, rest) = cells.as_chunks_mut::<TURN>();
    let ((one, rest_of_one), (other, rest_of_other)) = (one.as_chunks::<TURN>(), other.as_chunks::<TURN>());
    for ((turn, one), other) in turns.iter_mut().zip(one).zip(other) {
        *turn = std::array::from_fn(|at| becomes(one[at], other[at]));
    }
    for ((cell, one), other) in rest.iter_mut().zip(rest_of_one).zip(rest_of_other) {
        *cell = becomes(*one, *other);
    }
}

/// How many of the first values pass the test, up to the first that does not.
pub fn run_length<T: Copy>(values: &[T], passes: impl Fn(T) -> bool) -> usize {
    let turns = values.as_chunks::<TURN>().0;
    let whole = TURN * turns.iter().take_while(|turn| turn.iter().fold(true, |all, value| all & passes(*value))).count();
    whole + values[whole..].iter().take_while(|value| passes(**value)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_do_what_the_plain_loops_do_at_every_length() {
        for length in 0..40 {
            let values: Vec<u32> = (0..length).collect();
            let weights: Vec<f64> = values.iter().map(|value| f64::from(*value) / 2.0).collect();
            let mut cells = vec![0.0; values.len()];
            fill(&mut cells, 7.5);
            assert!(cells.iter().all(|cell| *cell == 7.5));
            map(&mut cells, &values, |value| f64::from(value) + 1.0);
            assert!(cells.iter().zip(&values).all(|(cell, value)| *cell == f64::from(*value) + 1.0));
            zip(&mut cells, &weights, &values, |weight, value| weight * f64::from(value));
            assert!(cells.iter().zip(&values).all(|(cell, value)| *cell == f64::from(value * value) / 2.0));
            for end in 0..=length {
                assert_eq!(run_length(&values, |value| value != end), end as usize);
            }
        }
    }

    #[test]
    #[should_panic(expected = "a value for each cell")]
    fn a_column_of_another_length_is_a_mistake() {
        map(&mut [0.0; 3], &[1.0; 4], |value| value);
    }
}
