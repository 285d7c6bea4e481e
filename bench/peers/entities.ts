import { defineEntity } from "@mikro-orm/postgresql";

/** The tables of a vault as MikroORM's documentation declares entities of many schemas: with the schema `*`. */
export const Employee = defineEntity({
  name: "Employee",
  tableName: "employees",
  schema: "*",
  properties: (p) => ({
    employeeNo: p.integer().primary(),
    employeeId: p.uuid(),
    deleteTime: p.datetime(6).nullable(),
  }),
});

export const LogEntry = defineEntity({
  name: "LogEntry",
  tableName: "log_entries",
  schema: "*",
  properties: (p) => ({
    employeeNo: p.integer().primary(),
    entryId: p.text().primary(),
    type: p.integer(),
    startTime: p.datetime(6),
    endTime: p.datetime(6).nullable(),
    utcOffsetMinutes: p.integer(),
    source: p.text(),
    version: p.bigint("number"),
    note: p.text(),
    detail: p.json<object>(),
    createTime: p.datetime(6).defaultRaw("now()"),
    updateTime: p.datetime(6).defaultRaw("now()"),
    deleteTime: p.datetime(6).nullable(),
  }),
});

export const SampleSource = defineEntity({
  name: "SampleSource",
  tableName: "sample_sources",
  schema: "*",
  properties: (p) => ({
    sourceNo: p.integer().primary(),
    slug: p.text(),
    daily: p.boolean(),
  }),
});

export const Sample = defineEntity({
  name: "Sample",
  tableName: "samples",
  schema: "*",
  properties: (p) => ({
    employeeNo: p.integer().primary(),
    kind: p.integer().primary(),
    sourceNo: p.integer().primary(),
    startTime: p.datetime(6).primary(),
    value: p.double(),
    version: p.bigint("number"),
    endSeconds: p.integer(),
    utcOffsetMinutes: p.integer(),
    recordingMethod: p.integer(),
  }),
});
