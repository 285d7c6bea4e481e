/** Turns a value in one unit into the value in another. */
export type Convert = (value: number) => number;

/** The value as it is. */
export const same: Convert = (value) => value;

/** What is left of a product when the noise of binary fractions is taken off: 12 digits, more than any device has. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

/** Multiplies. */
export function times(factor: number): Convert {
  return (value) => rounded(value * factor);
}

/** Divides, where the quotient is exact and the factor would not be. */
function over(divisor: number): Convert {
  return (value) => rounded(value / divisor);
}

/** Conversions into the units of the catalogue. The factors are exact by definition unless it says otherwise. */
export const toMetres = {
  metre: same,
  kilometre: times(1_000),
  centimetre: times(0.01),
  millimetre: times(0.001),
  inch: times(0.0254),
  foot: times(0.3048),
  yard: times(0.9144),
  mile: times(1_609.344),
};

export const toKilograms = {
  kilogram: same,
  gram: times(0.001),
  pound: times(0.45359237),
  ounce: times(0.028349523125),
  stone: times(6.35029318),
};

/** Kilocalories of 4.184 kJ, as food and devices count them. */
export const toKilocalories = {
  kilocalorie: same,
  calorie: times(0.001),
  kilojoule: over(4.184),
  joule: over(4_184),
};

export const toMillilitres = {
  millilitre: same,
  centilitre: times(10),
  decilitre: times(100),
  litre: times(1_000),
  usFluidOunce: times(29.5735295625),
  usCup: times(236.5882365),
  usPint: times(473.176473),
  imperialFluidOunce: times(28.4130625),
  imperialCup: times(284.130625),
  imperialPint: times(568.26125),
};

export const toCelsius = {
  celsius: same,
  fahrenheit: (value: number) => rounded(((value - 32) * 5) / 9),
  kelvin: (value: number) => rounded(value - 273.15),
};

export const toPerMinute = { perMinute: same, perSecond: times(60), perHour: over(60) };

export const toMinutes = { minute: same, second: over(60), hour: times(60), millisecond: over(60_000) };

export const toMilliseconds = { millisecond: same, second: times(1_000) };

/** The molar mass of glucose is that which Apple Health uses, 180.15588 g/mol. */
export const toMillimolesPerLitre = {
  millimolePerLitre: same,
  milligramPerDecilitre: over(18.015588),
};

/** A conventional millimetre of mercury is 133.322387415 Pa. */
export const toMillimetresOfMercury = { millimetreOfMercury: same, kilopascal: over(0.133322387415) };
