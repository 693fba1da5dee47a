// HTTP dates in their three forms (RFC 9110 §5.6.7).

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH = MONTHS.join("|");
const TIME = "(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})";

const FORMS = [
  `[A-Za-z]{3}, (?<day>\\d{1,2}) (?<month>${MONTH}) (?<year>\\d{4}) ${TIME} GMT`,
  `[A-Za-z]{6,9}, (?<day>\\d{2})-(?<month>${MONTH})-(?<year>\\d{2}) ${TIME} GMT`,
  `[A-Za-z]{3} (?<month>${MONTH}) [ ]?(?<day>\\d{1,2}) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/** Return the time in milliseconds, or undefined if the text is not a date. */
export function instantOf(text: string | null): number | undefined {
  const fields = FORMS.map((form) => form.exec(text ?? "")?.groups).find((groups) => groups !== undefined);
  if (fields === undefined) return undefined;
  const [day, hour, minute, second] = [fields["day"], fields["hour"], fields["minute"], fields["second"]].map(Number);
  const date = new Date(0);
  date.setUTCFullYear(yearOf(fields["year"] ?? ""), MONTHS.indexOf(fields["month"] ?? ""), day);
  date.setUTCHours(hour ?? 0, minute, second);
  // A day, hour or minute that does not exist has become one of another day or month.
  return date.getUTCDate() === day && date.getUTCHours() === hour ? date.getTime() : undefined;
}

/** Return the year. One with two digits is that of 1969 to 2068. */
function yearOf(digits: string): number {
  const year = Number(digits);
  if (digits.length > 2) return year;
  return year + (year < 69 ? 2000 : 1900);
}
