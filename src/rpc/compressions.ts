import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

/**
 * Brotli as fast as gzip. Its default, made for files that are compressed once, takes hundreds of times as long for a
 * page of samples, and whoever calls chooses the compression.
 */
const quickBrotli: Compression = {
  ...compressionBrotli,
  compress: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
};

/** The compressions that bodies may have, besides none. */
export const compressions: readonly Compression[] = [compressionGzip, quickBrotli];
