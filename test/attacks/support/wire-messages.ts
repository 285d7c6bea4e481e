import type { Socket } from "node:net";

/** The codes with which a client asks for encryption before it says who it is. */
const encryptionRequests = [80_877_103, 80_877_104];

/** Builds a message of PostgreSQL's protocol. */
export function writeMessage(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Calls back for each whole message that the socket of a server receives. */
export function readMessages(socket: Socket, onMessage: (message: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (data) => {
    rest = Buffer.concat([rest, data as Buffer]);
    while (rest.length >= 5 && rest.length >= rest.readInt32BE(1) + 1) {
      const length = rest.readInt32BE(1) + 1;
      onMessage(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  });
}

/** Calls back for each whole message that the socket of a client receives, and once for its first one. */
export function copyMessages(
  socket: Socket,
  on: { readonly startup: () => void; readonly message: (message: Buffer) => void },
): void {
  let rest = Buffer.alloc(0);
  let started = false;
  socket.on("data", (data) => {
    rest = Buffer.concat([rest, data as Buffer]);
    for (;;) {
      // The first message has no type.
      const head = started ? 1 : 0;
      if (rest.length < head + 4 || rest.length < rest.readInt32BE(head) + head) return;
      const length = rest.readInt32BE(head) + head;
      const message = rest.subarray(0, length);
      rest = rest.subarray(length);
      if (started) on.message(message);
      else if (encryptionRequests.includes(message.readInt32BE(4))) socket.write("N");
      else {
        started = true;
        on.startup();
      }
    }
  });
}
