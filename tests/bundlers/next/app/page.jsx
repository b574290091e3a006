// A server component: it imports mite, and so does the client component that it shows.
import { MiteError, features } from "mite";
import { Classifier } from "./classifier.jsx";

export default function Page() {
  return (
    <main>
      <p id="server">{`${MiteError.name} ${features().simd}`}</p>
      <Classifier />
    </main>
  );
}
