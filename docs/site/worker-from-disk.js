// Pages that were opened from disk may start no worker, and the search runs in one. Here a hidden frame takes its place:
// it loads the worker's script, and messages go to and fro as they would. On a web server nothing of this is used.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.onmessage = null;
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      const inside = frame.contentWindow;
      inside.document.open(); // else a browser may still replace the empty page, and all that was set in it
      inside.document.write("<body></body>");
      inside.document.close();
      inside.importScripts = (...urls) => Promise.all(urls.map((one) => this.load(inside, one)));
      inside.postMessage = (data) => setTimeout(() => this.tell(data));
      this.ready = this.load(inside, url);
      this.inside = inside;
    }

    load(inside, url) {
      return new Promise((resolve, reject) => {
        const script = inside.document.createElement("script");
        script.src = new URL(url, location.href);
        script.onload = resolve;
        script.onerror = reject;
        inside.document.body.appendChild(script);
      });
    }

    tell(data) {
      const event = new MessageEvent("message", { data });
      this.dispatchEvent(event);
      if (this.onmessage) this.onmessage(event);
    }

    postMessage(data) {
      const event = new MessageEvent("message", { data });
      this.ready.then(() => {
        this.inside.dispatchEvent(event);
      });
    }

    terminate() {}
  };
}
