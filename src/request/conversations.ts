import { ByteSink } from "./byte-sink.ts";
import { ContentReader } from "./content-reader.ts";
import { type BodyParser, promptCapBytes } from "./parsed-body.ts";
import { RequestFields } from "./request-fields.ts";

/** Parser of `/v1/conversations` bodies (protocol 3.3): `items` that are not empty, flattened as those of responses. */
export function createConversationsParser(): BodyParser {
  const fields = new RequestFields("conversations");
  const bytes = new ByteSink(promptCapBytes);
  const { list } = new ContentReader(bytes);
  let items = 0;
  const array = {
    element: () => {
      items++;
      return list.element();
    },
  };
  return {
    root: {
      member: (key) => {
        if (key !== "items") return fields.member(key);
        bytes.truncate(0);
        items = 0;
        return { array: () => array };
      },
    },
    result: () => {
      if (items === 0) fields.report("must have items field");
      return fields.read("conversations", { bytes, segments: [] });
    },
  };
}
