//! Weighted sums of digits: UK NHS, PL PESEL, AU TFN and ABN, BR CPF and CNPJ.

use super::weighted;

/// UK NHS number, ten digits (NHS Data Dictionary, NHS NUMBER): weights 10 to 2, modulo 11; 10 is not given out.
pub(in crate::detect) fn nhs(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let expected = (11 - weighted(body, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    body.len() == 9 && expected == u32::from(*check)
}

/// Polish PESEL, eleven digits: weights 1 3 7 9, modulo 10.
pub(in crate::detect) fn pesel(digits: &[u8]) -> bool {
    digits.len() == 11 && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Australian tax file number, nine digits: modulo 11.
pub(in crate::detect) fn tfn(digits: &[u8]) -> bool {
    digits.len() == 9 && weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

/// Australian business number, eleven digits, one less in the first (Australian Business Register): modulo 89.
pub(in crate::detect) fn abn(digits: &[u8]) -> bool {
    const WEIGHTS: [u32; 11] = [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19];
    let begins = digits.first().is_some_and(|first| *first > 0);
    begins && digits.len() == 11 && (weighted(digits, &WEIGHTS) - 10).is_multiple_of(89)
}

/// Brazilian CPF, eleven digits with two check digits (Receita Federal): modulo 11. Eleven times the same digit is none.
pub(in crate::detect) fn cpf(digits: &[u8]) -> bool {
    let same = digits.windows(2).all(|pair| pair.first() == pair.last());
    digits.len() == 11
        && !same
        && checks(digits, 9, &[10, 9, 8, 7, 6, 5, 4, 3, 2])
        && checks(digits, 10, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
}

/// Brazilian CNPJ: twelve digits or, from 2026 on, capitals (each worth its ASCII code less 48), then two check digits.
pub(in crate::detect) fn cnpj(values: &[u8]) -> bool {
    let same = values.windows(2).all(|pair| pair.first() == pair.last());
    values.len() == 14
        && !same
        && checks(values, 12, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
        && checks(values, 13, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
}

/// Whether the value at `place` is the check of those before it: 11 less the remainder, 0 for 10 and 11.
fn checks(values: &[u8], place: usize, weights: &[u32]) -> bool {
    let remainder = weighted(values, weights) % 11;
    let expected = if remainder < 2 { 0 } else { 11 - remainder };
    values.get(place).is_some_and(|value| u32::from(*value) == expected)
}

#[cfg(test)]
mod tests {
    use super::super::Digits;
    use super::*;

    fn all(check: fn(&[u8]) -> bool, good: &[&str], bad: &[&str]) {
        let value = |text: &&str| check(Digits::of(text.as_bytes()).expect("short").values());
        assert_eq!(good.iter().filter(|text| !value(text)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(bad.iter().filter(|text| value(text)).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn known_numbers() {
        all(nhs, &["943 476 5919", "401 023 2137"], &["943 476 5918", "943 476 591", "943 746 5919"]);
        all(pesel, &["44051401359", "02070803628"], &["44051401358", "4405140135", "44054101359"]);
        all(tfn, &["123 456 782", "876543210"], &["123 456 783", "12345678", "213 456 782"]);
        all(abn, &["51 824 753 556", "53 004 085 616"], &["51 824 753 557", "5182475355", "15 824 753 556", "00 000 000 000"]);
        all(cpf, &["529.982.247-25", "111.444.777-35"], &["529.982.247-26", "529.982.247-15", "111.111.111-11", "5299822472"]);
        all(cnpj, &["11.222.333/0001-81"], &["11.222.333/0001-82", "11.222.333/0001-91", "00.000.000/0000-00"]);
    }

    #[test]
    fn a_cnpj_of_letters() {
        let value = |text: &[u8]| cnpj(&text.iter().map(|byte| byte - 48).collect::<Vec<_>>());
        assert!(value(b"12ABC34501DE35"));
        assert!(!value(b"12ABC34501DE36"));
        assert!(!value(b"12ABD34501DE35"));
    }
}
