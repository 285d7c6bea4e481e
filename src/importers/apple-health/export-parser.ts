import { SaxesParser, type SaxesTagPlain } from "saxes";
import type { HealthRecord } from "./read-record.ts";

/** What an export holds, as it is met. */
export interface ExportHandlers {
  /** A record of the export, those aside that stand again inside of a correlation. */
  readonly onRecord: (record: HealthRecord) => void;
  /** Another element beside the records, by its name. */
  readonly onOther: (name: string) => void;
  /** When the export was made, as it is written. */
  readonly onExportDate: (text: string) => void;
}

/** Why a file is read no further. */
export class ExportProblem extends Error {
  override readonly name = "ExportProblem";
  /** The line that it is met at. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** A record whose metadata may still come. */
type OpenRecord = { -readonly [Key in keyof HealthRecord]: HealthRecord[Key] };

/** What may stand between two tags, in characters: the document type takes a few thousand. */
const maxGap = 1_048_576;
const maxDepth = 32;

/** Elements beside the records that are about the export itself. */
const notCounted = new Set(["ExportDate", "Me"]);

/**
 * Parses an `export.xml` of Apple Health as its text comes. The document type that it begins with is passed over:
 * entities that it declares are none, so nothing is expanded and nothing else is opened.
 */
export class ExportParser {
  readonly #parser = new SaxesParser({ xmlns: false, position: true });
  readonly #handlers: ExportHandlers;
  #depth = 0;
  /** Characters since the last tag. */
  #gap = 0;
  /** Line that the tag being read begins at. */
  #tagLine = 1;
  #record: OpenRecord | undefined;

  constructor(handlers: ExportHandlers) {
    this.#handlers = handlers;
    this.#parser.on("opentagstart", () => {
      this.#tagLine = this.#parser.line;
    });
    this.#parser.on("opentag", (tag) => this.#open(tag));
    this.#parser.on("closetag", () => this.#close());
    this.#parser.on("error", (error) => {
      // What stands after a colon is a text of the file.
      const what = error.message
        .replace(/^\d+:\d+: /, "")
        .split(":")[0]
        ?.replace(/\.$/, "");
      throw new ExportProblem(this.#parser.line, `is no well-formed XML: ${what}`);
    });
  }

  /**
   * Takes the next text.
   *
   * @throws ExportProblem when it cannot be read further
   */
  write(text: string): void {
    this.#gap += text.length;
    this.#parser.write(text);
    if (this.#gap > maxGap) {
      throw new ExportProblem(this.#parser.line, "must not hold a tag or a text of more than 1 MiB");
    }
  }

  /**
   * Ends the text.
   *
   * @throws ExportProblem when it is not whole
   */
  close(): void {
    this.#parser.close();
  }

  #open({ name, attributes }: SaxesTagPlain): void {
    this.#gap = 0;
    const depth = this.#depth++;
    if (this.#depth > maxDepth) {
      throw new ExportProblem(this.#parser.line, `must not hold elements deeper than ${maxDepth}`);
    }
    if (depth === 0 && name !== "HealthData") {
      throw new ExportProblem(
        this.#parser.line,
        "is no export.xml of Apple Health: the element HealthData must come first",
      );
    }
    if (depth === 1) this.#openChild(name, attributes);
    if (depth === 2 && this.#record && name === "MetadataEntry") takeMetadata(this.#record, attributes);
  }

  #openChild(name: string, attributes: Record<string, string>): void {
    if (name === "Record") this.#record = { line: this.#tagLine, attributes, entered: false, zone: undefined };
    else if (name === "ExportDate") this.#handlers.onExportDate(attributes["value"] ?? "");
    if (name !== "Record" && !notCounted.has(name)) this.#handlers.onOther(name);
  }

  #close(): void {
    this.#gap = 0;
    this.#depth--;
    if (this.#depth !== 1 || !this.#record) return;
    const record = this.#record;
    this.#record = undefined;
    this.#handlers.onRecord(record);
  }
}

function takeMetadata(record: OpenRecord, { key, value }: Record<string, string>): void {
  if (key === "HKWasUserEntered") record.entered = value === "1";
  else if (key === "HKTimeZone") record.zone = value;
}
