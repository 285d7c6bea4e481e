import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLocalSeconds } from "../../src/importers/fitabase-time.ts";

const seconds = (iso: string) => Date.parse(`${iso}Z`) / 1_000;

describe("times of Fitabase files", () => {
  it.each([
    ["4/12/2016", "2016-04-12T00:00:00"],
    ["12/4/2016", "2016-12-04T00:00:00"],
    ["3/12/2016 0:00", "2016-03-12T00:00:00"],
    ["3/12/2016 23:00", "2016-03-12T23:00:00"],
    ["3/12/2016 13:05:09", "2016-03-12T13:05:09"],
    ["4/12/2016 12:00:00 AM", "2016-04-12T00:00:00"],
    ["4/12/2016 12:59:59 AM", "2016-04-12T00:59:59"],
    ["4/12/2016 1:00:00 AM", "2016-04-12T01:00:00"],
    ["4/12/2016 11:59:59 AM", "2016-04-12T11:59:59"],
    ["4/12/2016 12:00:00 PM", "2016-04-12T12:00:00"],
    ["4/12/2016 12:30 pm", "2016-04-12T12:30:00"],
    ["4/12/2016 1:00:00 PM", "2016-04-12T13:00:00"],
    ["4/12/2016 11:59:59 PM", "2016-04-12T23:59:59"],
    ["2/29/2016", "2016-02-29T00:00:00"],
  ])("reads %s", (text, iso) => {
    expect(readLocalSeconds(text)).toBe(seconds(iso));
  });

  it.each([
    ["day before month", "13/4/2016"],
    ["a day that the month lacks", "2/30/2016"],
    ["29 February of a common year", "2/29/2015"],
    ["day 0", "4/0/2016"],
    ["month 0", "0/4/2016"],
    ["a short year", "4/12/16"],
    ["a year that Date would take for 1916", "4/12/0016"],
    ["hour 24", "4/12/2016 24:00"],
    ["hour 0 on a 12 hour clock", "4/12/2016 0:00:00 AM"],
    ["hour 13 on a 12 hour clock", "4/12/2016 13:00:00 PM"],
    ["minute 60", "4/12/2016 1:60"],
    ["second 60", "4/12/2016 1:00:60 AM"],
    ["an ISO date", "2016-04-12"],
    ["a half of the day without a time", "4/12/2016 AM"],
    ["something after it", "4/12/2016 1:00 AM."],
    ["a line before it", "\n4/12/2016"],
    ["nothing", ""],
  ])("refuses %s", (_, text) => {
    expect(readLocalSeconds(text)).toBeUndefined();
  });

  const times = fc
    .date({ min: new Date("1970-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true })
    .map((date) => new Date(Math.floor(date.getTime() / 1_000) * 1_000));
  const two = (number: number) => String(number).padStart(2, "0");
  const dayOf = (date: Date) => `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()}`;

  it("reads any time back from a 12 hour clock", () => {
    fc.assert(
      fc.property(times, (date) => {
        const hour = date.getUTCHours();
        const clock = `${hour % 12 || 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
        const text = `${dayOf(date)} ${clock} ${hour < 12 ? "AM" : "PM"}`;
        expect(readLocalSeconds(text)).toBe(date.getTime() / 1_000);
      }),
    );
  });

  it("reads any time back from a 24 hour clock", () => {
    fc.assert(
      fc.property(times, (date) => {
        const text = `${dayOf(date)} ${date.getUTCHours()}:${two(date.getUTCMinutes())}`;
        expect(readLocalSeconds(text)).toBe(Math.floor(date.getTime() / 60_000) * 60);
      }),
    );
  });

  it("takes nothing but what it can write again", () => {
    const part = fc.oneof(fc.nat(3_000).map(String), fc.constantFrom("00", "01", "59", "60", "2016"));
    const text = fc
      .tuple(part, part, part, part, part, part, fc.constantFrom("", " AM", " PM"))
      .map(([a, b, c, d, e, f, half]) => `${a}/${b}/${c} ${d}:${e}:${f}${half}`);
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), (input) => {
        const found = readLocalSeconds(input);
        if (found === undefined) return;
        const date = new Date(found * 1_000);
        const [month, day, year] = input.split(" ")[0]?.split("/").map(Number) ?? [];
        expect([date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCFullYear()]).toEqual([month, day, year]);
      }),
    );
  });
});
